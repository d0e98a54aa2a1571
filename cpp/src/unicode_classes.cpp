#include "dure/unicode_classes.h"

#include <bit>
#include <cstring>

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

// True for three-byte characters, told by their first two bytes, that are letters without case: U+4E00 to U+9FFF
// (ideographs) and U+AC00 to U+D77F (most Hangul syllables).
inline bool is_plain_letter(const char* at) {
  const auto lead = static_cast<unsigned char>(at[0]);
  const auto second = static_cast<unsigned char>(at[1]);
  if (lead == 0xE4) return second >= 0xB8;
  if (lead == 0xEA) return second >= 0xB0;
  if (lead == 0xED) return second <= 0x9D;
  return (lead >= 0xE5 && lead <= 0xE9) || lead == 0xEB || lead == 0xEC;
}

constexpr std::uint64_t repeat(unsigned byte) { return 0x0101010101010101U * std::uint64_t{byte}; }

// The number of ASCII letters (lower-case ones, if `fold` is 0 and not 0x20) that the eight bytes from `at` on begin
// with. Words are short: one look at eight bytes beats a loop whose end can't be predicted (three times as fast on
// English text).
inline unsigned count_leading_letters(const char* at, unsigned fold) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, at, sizeof bytes);
  const std::uint64_t lower = (bytes | repeat(fold)) & repeat(0x7F);
  const std::uint64_t from_a = lower + repeat(0x80 - 'a');  // the top bit of each byte says: at least 'a'
  const std::uint64_t past_z = lower + repeat(0x80 - 'z' - 1);
  const std::uint64_t others = ~(from_a & ~past_z & ~bytes) & repeat(0x80);
  if constexpr (std::endian::native == std::endian::little) {
    return static_cast<unsigned>(std::countr_zero(others)) / 8;
  } else {
    return static_cast<unsigned>(std::countl_zero(others)) / 8;
  }
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
  const bool takes_lower = (kinds & kinds_of(CharKind::kLower)) != 0;
  const unsigned fold = (kinds & kinds_of(CharKind::kUpper)) != 0 ? 0x20 : 0;
  const bool takes_letters = (kinds & kinds_of(CharKind::kOtherLetter)) != 0;
  while (at < end) {
    const auto lead = static_cast<unsigned char>(*at);
    if (lead < 0x80) {
      if ((kAsciiKinds[lead] & kinds) == 0) return at;
      at += takes_lower && end - at >= 9 ? 1 + count_leading_letters(at + 1, fold) : 1;
    } else if (takes_letters && end - at >= 3 && is_plain_letter(at)) {
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
