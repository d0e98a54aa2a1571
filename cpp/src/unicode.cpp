#include "dure/unicode.h"

#include <algorithm>
#include <iterator>

namespace dure {
namespace {

struct Mapping {
  char32_t code;
  std::uint8_t length;
  char32_t to[4];
};

struct CombiningClass {
  char32_t code;
  std::uint8_t value;
};

#include "unicode_tables.inc"

// Binary search in a table sorted by code; null where the code has no row.
template <typename Row, std::size_t Size>
const Row* find_row(const Row (&table)[Size], char32_t code) {
  const Row* row = std::lower_bound(std::begin(table), std::end(table), code,
                                    [](const Row& left, char32_t right) { return left.code < right; });
  return row != std::end(table) && row->code == code ? row : nullptr;
}

void append_mapping(const Mapping* row, char32_t code, std::vector<char32_t>& out) {
  if (row == nullptr) {
    out.push_back(code);
  } else {
    out.insert(out.end(), row->to, row->to + row->length);
  }
}

bool is_between(char32_t code, char32_t first, char32_t last) { return code >= first && code <= last; }

}  // namespace

std::uint8_t unicode_flags(char32_t code) {
  if (code >= 0x110000) return 0;
  return kFlagBlocks[(static_cast<std::size_t>(kFlagIndex[code >> 8]) << 8) | (code & 0xFF)];
}

bool is_chinese(char32_t code) {
  if (code < 0x3400) return false;
  // The last gap, U+2B820 to U+2B91F, is the original's: its range begins at 0x2b920 where Unicode's block begins at 0x2b820.
  return is_between(code, 0x4E00, 0x9FFF) || is_between(code, 0x3400, 0x4DBF) || is_between(code, 0xF900, 0xFAFF) ||
         is_between(code, 0x20000, 0x2A6DF) || is_between(code, 0x2A700, 0x2B81F) ||
         is_between(code, 0x2B920, 0x2CEAF) || is_between(code, 0x2F800, 0x2FA1F);
}

void append_lower(char32_t code, std::vector<char32_t>& out) { append_mapping(find_row(kLower, code), code, out); }

void append_decomposition(char32_t code, std::vector<char32_t>& out) {
  // Hangul syllables are arithmetic: The Unicode Standard, section 3.12.
  if (is_between(code, 0xAC00, 0xD7A3)) {
    const char32_t index = code - 0xAC00;
    out.push_back(0x1100 + index / 588);
    out.push_back(0x1161 + index % 588 / 28);
    if (index % 28 != 0) out.push_back(0x11A7 + index % 28);
    return;
  }
  append_mapping(find_row(kDecomposition, code), code, out);
}

std::uint8_t combining_class(char32_t code) {
  const CombiningClass* row = find_row(kCombining, code);
  return row == nullptr ? 0 : row->value;
}

}  // namespace dure
