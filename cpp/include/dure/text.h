// AlignedText: a text under normalization that knows where each of its characters came from.
//
// Every normalization step edits an AlignedText; nobody computes positions afterwards. Positions are code points of the
// original text, because that is what Python's strings are sliced by.
#pragma once

#include <cstdint>
#include <vector>

namespace dure {

// A half-open range of code points of the original text.
struct Span {
  std::uint32_t begin_chars = 0;
  std::uint32_t end_chars = 0;
};

struct AlignedText {
  std::vector<char32_t> chars;
  std::vector<Span> origins;  // origins[i]: where chars[i] came from

  void clear() {
    chars.clear();
    origins.clear();
  }
  void push(char32_t code, Span origin) {
    chars.push_back(code);
    origins.push_back(origin);
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(chars.size()); }
};

}  // namespace dure
