// Character classes of regexes: `\s`, `\p{L}`, `[^a-z한]`, ...
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "dure/unicode_classes.h"

namespace dure {

class CharClass {
 public:
  bool contains(const char* at, const char* end, std::uint32_t& size_bytes) const {
    const auto lead = static_cast<unsigned char>(*at);
    if (lead >= 0x80) return contains_beyond_ascii(at, end, size_bytes);
    size_bytes = 1;
    return contains_ascii(lead);
  }
  bool contains_ascii(unsigned char byte) const { return ((ascii_[byte >> 6] >> (byte & 63U)) & 1U) != 0; }
  // All characters beyond ASCII of these kinds are contained, whatever else is.
  bool covers(Kinds kinds) const;
  // True when some character that isn't white space is contained.
  bool has_other_than_space() const;

  void add(CharClass other);
  void add_kinds(Kinds kinds);
  void add_range(char32_t first, char32_t last);
  void invert();

 private:
  bool contains_beyond_ascii(const char* at, const char* end, std::uint32_t& size_bytes) const;

  std::uint64_t ascii_[2] = {0, 0};
  // Beyond ASCII: these kinds and ranges, or all but these.
  Kinds kinds_ = 0;
  std::vector<std::pair<char32_t, char32_t>> ranges_;
  bool is_inverted_ = false;
};

// Takes a class (a set in brackets, an escape or a plain character) off the front of a pattern as the original's regex
// engine reads it. False, with `pattern` anywhere, for what isn't a class or is beyond this reader.
bool read_char_class(std::string_view& pattern, CharClass& result);

}  // namespace dure
