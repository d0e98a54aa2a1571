#include "dure/text.h"

namespace dure {

void AlignedText::assign(std::string_view text, std::uint32_t first_char, bool tracked) {
  bytes.assign(text);
  origins.clear();
  start_chars = first_char;
  is_tracked = tracked;
  if (!tracked) return;
  origins.resize(text.size());
  std::uint32_t number = first_char;
  for (std::uint32_t at = 0; at < text.size(); ++number) {
    const std::uint32_t end = at + decode_char(text, at).size_bytes;
    for (; at < end; ++at) origins[at] = {number, number + 1};
  }
}

Span AlignedText::origin(Range range) const {
  if (origins.empty()) return {};
  if (range.size_bytes() == 0) {
    const std::uint32_t place =
        range.begin_bytes < origins.size() ? origins[range.begin_bytes].begin_chars : origins.back().end_chars;
    return {place, place};
  }
  return {origins[range.begin_bytes].begin_chars, origins[range.end_bytes - 1].end_chars};
}

TextEditor::TextEditor(const AlignedText& from, AlignedText& to) : from_(from), to_(to) {
  to_.bytes.clear();
  to_.origins.clear();
  to_.start_chars = from.start_chars;
  to_.is_tracked = from.is_tracked;
  to_.bytes.reserve(from.bytes.size());
  if (from.is_tracked) to_.origins.reserve(from.bytes.size());
}

void TextEditor::keep_until(std::uint32_t end_bytes) {
  if (end_bytes <= at_) return;
  to_.bytes.append(from_.bytes, at_, end_bytes - at_);
  if (to_.is_tracked) {
    to_.origins.insert(to_.origins.end(), from_.origins.begin() + at_, from_.origins.begin() + end_bytes);
  }
  at_ = end_bytes;
}

void TextEditor::change(char32_t code, int change) {
  if (change > 0) {
    insert(code);
    return;
  }
  push(code, next_origin());
  for (; change <= 0 && !is_done(); ++change) drop();
}

void TextEditor::prepend(std::string_view utf8) {
  Span origin = next_origin();
  // A trap of the original, which replaces the first character by the text and itself: with an empty text it becomes an
  // insertion at the very start, and loses its width.
  if (utf8.empty()) origin = {from_.start_chars, from_.start_chars};
  const std::uint32_t size = from_.bytes.empty() ? 0 : from_.char_at(0).size_bytes;
  to_.bytes.append(utf8);
  to_.bytes.append(from_.bytes, 0, size);
  if (to_.is_tracked) to_.origins.insert(to_.origins.end(), utf8.size() + size, origin);
  at_ = size;
}

Span TextEditor::next_origin() const {
  if (!from_.is_tracked) return {};
  return at_ < from_.origins.size() ? from_.origins[at_] : last_origin();
}

Span TextEditor::last_origin() const {
  if (!from_.is_tracked) return {};
  if (at_ == 0 || from_.origins.empty()) return {from_.start_chars, from_.start_chars};
  return from_.origins[at_ - 1];
}

}  // namespace dure
