#include "dure/utf8.h"

#include <cstring>

namespace dure {

Utf8Char decode_multibyte(std::string_view text, std::size_t at_bytes) {
  const auto lead = static_cast<unsigned char>(text[at_bytes]);
  const std::uint32_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (size == 1 || at_bytes + size > text.size()) return {0xFFFD, 1};
  char32_t code = lead & (0x7FU >> size);
  for (std::uint32_t i = 1; i < size; ++i) {
    if (!is_continuation(text[at_bytes + i])) return {0xFFFD, 1};
    code = (code << 6) | (static_cast<unsigned char>(text[at_bytes + i]) & 0x3FU);
  }
  if (code > 0x10FFFF) return {0xFFFD, 1};
  return {code, size};
}

Utf8Char decode_last(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && text.size() - at < 4 && is_continuation(text[at])) --at;
  const Utf8Char last = decode_char(text, at);
  if (at + last.size_bytes == text.size()) return last;
  return {0xFFFD, 1};
}

bool is_ascii(std::string_view text) {
  std::uint64_t bits = 0;
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    bits |= word;
  }
  for (; at < text.size(); ++at) bits |= static_cast<unsigned char>(text[at]);
  return (bits & 0x8080808080808080U) == 0;
}

std::size_t count_chars(std::string_view text) {
  std::size_t count = 0;
  for (const char byte : text) count += !is_continuation(byte);
  return count;
}

void decode_utf8(std::string_view text, std::vector<char32_t>& out) {
  out.reserve(out.size() + text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char next = decode_char(text, at);
    out.push_back(next.code);
    at += next.size_bytes;
  }
}

void append_utf8(char32_t code, std::string& out) {
  char bytes[4];
  out.append(bytes, encode_char(code, bytes));
}

std::string encode_utf8(const char32_t* begin, const char32_t* end) {
  std::string out;
  out.reserve(static_cast<std::size_t>(end - begin));
  for (; begin != end; ++begin) append_utf8(*begin, out);
  return out;
}

}  // namespace dure
