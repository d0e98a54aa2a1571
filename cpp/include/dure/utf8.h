// UTF-8 to code points and back. Input comes from Python strings or from files checked by the JSON reader, so it is
// valid; a damaged byte becomes U+FFFD and never a read past the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

// A character of a text and the number of its bytes.
struct Utf8Char {
  char32_t code;
  std::uint32_t size_bytes;
};

// The character whose first byte is at `at_bytes`, which is inside of `text`.
Utf8Char decode_multibyte(std::string_view text, std::size_t at_bytes);
inline Utf8Char decode_char(std::string_view text, std::size_t at_bytes) {
  const auto lead = static_cast<unsigned char>(text[at_bytes]);
  return lead < 0x80 ? Utf8Char{lead, 1} : decode_multibyte(text, at_bytes);
}

// The last character of `text`, which isn't empty.
Utf8Char decode_last(std::string_view text);

// True for the bytes that go on with a character that another byte began.
inline bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

bool is_ascii(std::string_view text);
std::size_t count_chars(std::string_view text);

// Appends the code points of `text` to `out`.
void decode_utf8(std::string_view text, std::vector<char32_t>& out);

// Writes the bytes of one code point (up to 4) to `out` and returns their number.
inline std::uint32_t encode_char(char32_t code, char* out) {
  const auto byte = [](char32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  if (code < 0x80) {
    out[0] = byte(code);
    return 1;
  }
  if (code < 0x800) {
    out[0] = byte(0xC0 | (code >> 6));
    out[1] = byte(0x80 | (code & 0x3F));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = byte(0xE0 | (code >> 12));
    out[1] = byte(0x80 | ((code >> 6) & 0x3F));
    out[2] = byte(0x80 | (code & 0x3F));
    return 3;
  }
  out[0] = byte(0xF0 | (code >> 18));
  out[1] = byte(0x80 | ((code >> 12) & 0x3F));
  out[2] = byte(0x80 | ((code >> 6) & 0x3F));
  out[3] = byte(0x80 | (code & 0x3F));
  return 4;
}

// Appends one code point as UTF-8.
void append_utf8(char32_t code, std::string& out);

// A range of code points as UTF-8.
std::string encode_utf8(const char32_t* begin, const char32_t* end);

}  // namespace dure
