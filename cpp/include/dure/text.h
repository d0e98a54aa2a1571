// AlignedText: a text under normalization that knows where each of its bytes came from.
//
// Every normalization step edits an AlignedText; nobody computes positions afterwards. Text is UTF-8; positions in the
// original text are code points, because that is what Python's strings are sliced by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

// A half-open range of code points of the original text.
struct Span {
  std::uint32_t begin_chars = 0;
  std::uint32_t end_chars = 0;
};

// A half-open range of bytes of a text under processing.
struct Range {
  std::uint32_t begin_bytes = 0;
  std::uint32_t end_bytes = 0;
  std::uint32_t size_bytes() const { return end_bytes - begin_bytes; }
};

struct AlignedText {
  std::string bytes;
  std::vector<Span> origins;  // origins[i]: the whole character that bytes[i] came from; empty when not tracked
  bool is_tracked = false;

  // Starts over with a part of the original text, whose first character is number `first_char` there.
  void assign(std::string_view text, std::uint32_t first_char, bool tracked);
  // Where a range of bytes came from; {0, 0} when origins aren't tracked.
  Span origin(Range range) const;
  std::string_view view(Range range) const {
    return std::string_view(bytes).substr(range.begin_bytes, range.size_bytes());
  }
  std::uint32_t size_bytes() const { return static_cast<std::uint32_t>(bytes.size()); }
};

// Rewrites one text into another, character by character. Where a new character came from follows the rules of the
// `tokenizers` library (NormalizedString::transform), because offsets are part of the promise: what replaces a character
// has its place; what is inserted has the place of the byte before it in the old text, even if that was dropped.
class TextEditor {
 public:
  // `to` is started over. The editor stands before the first character of `from`, which must be valid UTF-8.
  TextEditor(const AlignedText& from, AlignedText& to);

  bool is_done() const { return at_ >= from_.bytes.size(); }
  std::uint32_t position_bytes() const { return at_; }
  char32_t peek() const;                     // the next character of `from`; only when not is_done()
  void keep();                               // copies the next character
  void keep_until(std::uint32_t end_bytes);  // copies all characters before that position of `from`
  void drop();                               // leaves the next character out
  void drop_until(std::uint32_t end_bytes);
  void replace(char32_t code);               // `code` takes the place of the next character
  void insert(char32_t code);                // adds a character between the last one and the next
  // Adds a character at the very start that has the place of the first character, as the original's `prepend` does.
  void prepend(std::string_view utf8);

 private:
  void push(char32_t code, Span origin);

  const AlignedText& from_;
  AlignedText& to_;
  std::uint32_t at_ = 0;
  bool prepended_ = false;
};

}  // namespace dure
