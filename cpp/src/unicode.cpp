#include "dure/unicode.h"

#include <algorithm>
#include <iterator>

namespace dure {

namespace unicode_tables {

struct Composition {
  char32_t first;
  char32_t second;
  char32_t whole;
};

// Pairs of characters, sorted by both, are in kCompositions.
#include "unicode_tables.inc"

}  // namespace unicode_tables

namespace {

// Hangul is computed (The Unicode Standard, section 3.12): 19 leading consonants, 21 vowels, 27 trailing consonants or
// none.
constexpr char32_t kSyllable = 0xAC00;
constexpr char32_t kLeading = 0x1100;
constexpr char32_t kVowel = 0x1161;
constexpr char32_t kTrailing = 0x11A7;
constexpr char32_t kNumLeading = 19;
constexpr char32_t kNumVowels = 21;
constexpr char32_t kNumTrailing = 28;

void append_sequence(std::uint16_t place, std::vector<char32_t>& out) {
  for (const std::uint32_t part : code_sequence(place)) out.push_back(part);
}

char32_t compose_hangul(char32_t first, char32_t second) {
  if (first >= kLeading && first < kLeading + kNumLeading && second >= kVowel && second < kVowel + kNumVowels) {
    return kSyllable + ((first - kLeading) * kNumVowels + (second - kVowel)) * kNumTrailing;
  }
  const bool is_open = is_hangul_syllable(first) && (first - kSyllable) % kNumTrailing == 0;
  if (is_open && second > kTrailing && second < kTrailing + kNumTrailing) return first + (second - kTrailing);
  return 0;
}

}  // namespace

bool is_chinese(char32_t code) {
  const auto is_between = [code](char32_t first, char32_t last) { return code >= first && code <= last; };
  return code >= 0x3400 && (is_between(0x4E00, 0x9FFF) || is_between(0x3400, 0x4DBF) || is_between(0x20000, 0x2A6DF) ||
                            is_between(0x2A700, 0x2B73F) || is_between(0x2B740, 0x2B81F) ||
                            is_between(0x2B920, 0x2CEAF) || is_between(0xF900, 0xFAFF) || is_between(0x2F800, 0x2FA1F));
}

bool is_plain(char32_t code) {
  if (code < 0x80) return code > 0x20 && code != 0x7F;
  const auto is_between = [code](char32_t first, char32_t last) { return code >= first && code <= last; };
  if (is_hangul_syllable(code)) return true;
  if (is_between(0xC0, 0x24F)) return code != 0xD7 && code != 0xF7;                     // Latin
  if (is_between(0x391, 0x3A1) || is_between(0x3A3, 0x3C9)) return true;                // Greek
  if (is_between(0x400, 0x481)) return true;                                            // Cyrillic
  if (is_between(0x3041, 0x3096) || is_between(0x30A1, 0x30FA)) return true;            // Hiragana, Katakana
  return is_between(0x5D0, 0x5EA) || is_between(0x621, 0x63A) || is_between(0x641, 0x64A);  // Hebrew, Arabic
}

void append_lower(char32_t code, std::vector<char32_t>& out) {
  const std::uint16_t place = code_properties(code).lower;
  if (place == 0) {
    out.push_back(code);
  } else {
    append_sequence(place, out);
  }
}

void append_decomposition(char32_t code, std::vector<char32_t>& out, bool is_compatible) {
  if (is_hangul_syllable(code)) {
    const char32_t index = code - kSyllable;
    out.push_back(kLeading + index / (kNumVowels * kNumTrailing));
    out.push_back(kVowel + index / kNumTrailing % kNumVowels);
    if (index % kNumTrailing != 0) out.push_back(kTrailing + index % kNumTrailing);
    return;
  }
  const CodeProperties& properties = code_properties(code);
  const std::uint16_t place = is_compatible ? properties.compatible : properties.canonical;
  if (place == 0) {
    out.push_back(code);
  } else {
    append_sequence(place, out);
  }
}

char32_t compose(char32_t first, char32_t second) {
  if ((code_properties(second).forms & kFollows) == 0) return 0;
  if (const char32_t syllable = compose_hangul(first, second); syllable != 0) return syllable;
  const auto is_before = [](const unicode_tables::Composition& left, const unicode_tables::Composition& right) {
    return left.first != right.first ? left.first < right.first : left.second < right.second;
  };
  const unicode_tables::Composition pair{first, second, 0};
  const auto* end = std::end(unicode_tables::kCompositions);
  const auto* found = std::lower_bound(std::begin(unicode_tables::kCompositions), end, pair, is_before);
  return found != end && found->first == first && found->second == second ? found->whole : 0;
}

}  // namespace dure
