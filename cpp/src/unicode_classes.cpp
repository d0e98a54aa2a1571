#include "dure/unicode_classes.h"

namespace dure {
namespace {

#include "unicode_classes.inc"

constexpr std::uint8_t kKindMask = 31;
constexpr std::uint8_t kPunctuationFlag = 32;

constexpr std::uint8_t kind_entry(char32_t code) {
  return kKindBlocks[(static_cast<std::size_t>(kKindIndex[code >> 8]) << 8) | (code & 0xFF)];
}

constexpr std::array<Kinds, 128> make_ascii_kinds() {
  std::array<Kinds, 128> kinds{};
  for (char32_t code = 0; code < 128; ++code) kinds[code] = Kinds{1} << (kind_entry(code) & kKindMask);
  return kinds;
}

// True for the first byte of three-byte characters all of which are letters without case: U+5000 to U+8FFF
// (ideographs) and U+B000 to U+CFFF (Hangul syllables).
constexpr bool leads_only_letters(unsigned char lead) {
  return (lead >= 0xE5 && lead <= 0xE8) || lead == 0xEB || lead == 0xEC;
}

inline bool is_tail(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80; }
inline char32_t tail_bits(char byte) { return static_cast<unsigned char>(byte) & 0x3FU; }

inline char32_t decode_beyond_ascii(const char* at, const char* end, std::uint32_t& size_bytes) {
  const auto lead = static_cast<unsigned char>(*at);
  const auto left = end - at;
  if (lead >= 0xE0 && lead < 0xF0 && left >= 3 && is_tail(at[1]) && is_tail(at[2])) {
    size_bytes = 3;
    return ((lead & 0xFU) << 12) | (tail_bits(at[1]) << 6) | tail_bits(at[2]);
  }
  if (lead >= 0xC0 && lead < 0xE0 && left >= 2 && is_tail(at[1])) {
    size_bytes = 2;
    return ((lead & 0x1FU) << 6) | tail_bits(at[1]);
  }
  if (lead >= 0xF0 && lead < 0xF8 && left >= 4 && is_tail(at[1]) && is_tail(at[2]) && is_tail(at[3])) {
    size_bytes = 4;
    return ((lead & 7U) << 18) | (tail_bits(at[1]) << 12) | (tail_bits(at[2]) << 6) | tail_bits(at[3]);
  }
  size_bytes = 1;
  return 0xFFFD;
}

}  // namespace

const std::array<Kinds, 128> kAsciiKinds = make_ascii_kinds();

CharKind char_kind(char32_t code) {
  return code < 0x110000 ? static_cast<CharKind>(kind_entry(code) & kKindMask) : CharKind::kUnassigned;
}

bool is_punctuation(char32_t code) { return code < 0x110000 && (kind_entry(code) & kPunctuationFlag) != 0; }

std::uint8_t char_script(char32_t code) {
  if (code >= 0x110000) return 0;
  return kScriptBlocks[(static_cast<std::size_t>(kScriptIndex[code >> 8]) << 8) | (code & 0xFF)];
}

char32_t decode_char(const char* at, const char* end, std::uint32_t& size_bytes) {
  const auto lead = static_cast<unsigned char>(*at);
  if (lead >= 0x80) return decode_beyond_ascii(at, end, size_bytes);
  size_bytes = 1;
  return lead;
}

Glance glance_beyond_ascii(const char* at, const char* end) {
  std::uint32_t size_bytes = 0;
  const char32_t code = decode_beyond_ascii(at, end, size_bytes);
  return {Kinds{1} << static_cast<unsigned>(char_kind(code)), size_bytes};
}

const char* skip_kinds(const char* at, const char* end, Kinds kinds) {
  const bool takes_letters = (kinds & kinds_of(CharKind::kOtherLetter)) != 0;
  while (at < end) {
    const auto lead = static_cast<unsigned char>(*at);
    if (lead < 0x80) {
      if ((kAsciiKinds[lead] & kinds) == 0) return at;
      ++at;
    } else if (takes_letters && leads_only_letters(lead) && end - at >= 3) {
      at += 3;
    } else {
      const Glance next = glance_beyond_ascii(at, end);
      if ((next.kind & kinds) == 0) return at;
      at += next.size_bytes;
    }
  }
  return at;
}

}  // namespace dure
