// AlignedText: a text under normalization that knows where each of its bytes came from.
//
// Every normalization step edits an AlignedText; nobody computes positions afterwards. Text is UTF-8; positions in the
// original text are code points, because that is what Python's strings are sliced by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dure/utf8.h"

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
  std::vector<Span> origins;      // origins[i]: the whole character that bytes[i] came from; empty when not tracked
  std::uint32_t start_chars = 0;  // where the text begins in the original: the place of what is inserted before it all
  bool is_tracked = false;

  // Starts over with a part of the original text, whose first character is number `first_char` there.
  void assign(std::string_view text, std::uint32_t first_char, bool tracked);
  // Where a range of bytes came from; {0, 0} when origins aren't tracked.
  Span origin(Range range) const;
  std::string_view view(Range range) const {
    return std::string_view(bytes).substr(range.begin_bytes, range.size_bytes());
  }
  std::uint32_t size_bytes() const { return static_cast<std::uint32_t>(bytes.size()); }
  Utf8Char char_at(std::uint32_t at_bytes) const { return decode_char(bytes, at_bytes); }
};

// Rewrites one text into another, from left to right. Where a new character came from follows the rules of the
// `tokenizers` library (NormalizedString::transform), because offsets are part of the promise: what replaces a
// character has its place; what is inserted has the place of the byte before it in the old text, even if that was
// dropped.
class TextEditor {
 public:
  // `to` is started over. The editor stands before the first character of `from`, which must be valid UTF-8.
  TextEditor(const AlignedText& from, AlignedText& to);

  bool is_done() const { return at_ >= from_.bytes.size(); }
  std::uint32_t position_bytes() const { return at_; }
  std::size_t written_bytes() const { return to_.bytes.size(); }
  char32_t peek() const { return from_.char_at(at_).code; }  // the next character of `from`; only when not is_done()
  void keep() { keep_until(at_ + from_.char_at(at_).size_bytes); }  // copies the next character
  void keep_until(std::uint32_t end_bytes);  // copies all characters before that position of `from`
  void keep_rest() { keep_until(from_.size_bytes()); }
  void drop() { at_ += from_.char_at(at_).size_bytes; }  // leaves the next character out
  void drop_until(std::uint32_t end_bytes) { at_ = end_bytes; }
  // `code` takes the place of the next character.
  void replace(char32_t code) {
    push(code, next_origin());
    drop();
  }
  // Adds a character between the last one and the next.
  void insert(char32_t code) { push(code, last_origin()); }
  // One step in the terms of the original: 1 inserts `code`; 0 puts it in the place of the next character, and -n also
  // drops the n characters behind that.
  void change(char32_t code, int change);
  // Puts a text before the first character, which comes next; all of it has that character's place.
  void prepend(std::string_view utf8);

 private:
  Span next_origin() const;
  Span last_origin() const;
  void push(char32_t code, Span origin) {
    char utf8[4];
    const std::uint32_t size = encode_char(code, utf8);
    to_.bytes.append(utf8, size);
    if (to_.is_tracked) to_.origins.insert(to_.origins.end(), size, origin);
  }

  const AlignedText& from_;
  AlignedText& to_;
  std::uint32_t at_ = 0;
};

// Rewrites the characters for which `is_changed(code)` holds: `edit(editor, code)` must take exactly that character off
// the editor. All others are kept. Costs no copy where there's nothing to change; false then.
template <typename IsChanged, typename Edit>
bool rewrite_chars(AlignedText& text, AlignedText& scratch, IsChanged is_changed, Edit edit) {
  const std::string_view bytes = text.bytes;
  const auto find_next = [bytes, &is_changed](std::size_t at) {
    while (at < bytes.size()) {
      const Utf8Char next = decode_char(bytes, at);
      if (is_changed(next.code)) break;
      at += next.size_bytes;
    }
    return at;
  };
  std::size_t at = find_next(0);
  if (at == bytes.size()) return false;
  TextEditor editor(text, scratch);
  do {
    editor.keep_until(static_cast<std::uint32_t>(at));
    const Utf8Char next = decode_char(bytes, at);
    edit(editor, next.code);
    at = find_next(at + next.size_bytes);
  } while (at < bytes.size());
  editor.keep_rest();
  std::swap(text, scratch);
  return true;
}

}  // namespace dure
