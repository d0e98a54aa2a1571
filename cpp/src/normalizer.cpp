#include "dure/normalizer.h"

#include <algorithm>
#include <utility>

#include "dure/unicode.h"

namespace dure {
namespace {

void clean(const AlignedText& from, AlignedText& to) {
  for (std::uint32_t i = 0; i < from.size(); ++i) {
    const char32_t code = from.chars[i];
    const bool is_blank = code == '\t' || code == '\n' || code == '\r';
    const std::uint8_t flags = unicode_flags(code);
    if (code == 0 || code == 0xFFFD || ((flags & kControl) != 0 && !is_blank)) continue;
    to.push((flags & kSpace) != 0 ? U' ' : code, from.origins[i]);
  }
}

void space_chinese(const AlignedText& from, AlignedText& to) {
  for (std::uint32_t i = 0; i < from.size(); ++i) {
    const bool is_spaced = is_chinese(from.chars[i]);
    if (is_spaced) to.push(U' ', from.origins[i]);
    to.push(from.chars[i], from.origins[i]);
    if (is_spaced) to.push(U' ', from.origins[i]);
  }
}

// Canonical order (The Unicode Standard, section 3.11, D109): runs of combining characters sorted by class, stably.
// `is_first` travels with its character: it says whether the character consumes a source character. The original
// assigns positions in the order after sorting, and so do we.
void decompose(const AlignedText& from, AlignedText& to) {
  struct Piece {
    char32_t code;
    bool is_first;
    std::uint8_t combining;
  };
  std::vector<Piece> pieces;
  std::vector<char32_t> parts;
  pieces.reserve(from.chars.size() + 8);
  for (const char32_t code : from.chars) {
    parts.clear();
    append_decomposition(code, parts);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const bool combines = (unicode_flags(parts[i]) & kCombines) != 0;
      pieces.push_back({parts[i], i == 0, combines ? combining_class(parts[i]) : std::uint8_t{0}});
    }
  }
  for (std::size_t begin = 0; begin < pieces.size();) {
    std::size_t end = begin + 1;
    if (pieces[begin].combining != 0) {
      while (end < pieces.size() && pieces[end].combining != 0) ++end;
      std::stable_sort(pieces.begin() + static_cast<std::ptrdiff_t>(begin), pieces.begin() + static_cast<std::ptrdiff_t>(end),
                       [](const Piece& left, const Piece& right) { return left.combining < right.combining; });
    }
    begin = end;
  }
  std::size_t source = 0;
  for (const Piece& piece : pieces) {
    Span origin;
    if (piece.is_first && source < from.origins.size()) {
      origin = from.origins[source++];
    } else if (source > 0) {
      origin = from.origins[source - 1];
    }
    to.push(piece.code, origin);
  }
}

void drop_marks(const AlignedText& from, AlignedText& to) {
  for (std::uint32_t i = 0; i < from.size(); ++i) {
    if ((unicode_flags(from.chars[i]) & kMark) == 0) to.push(from.chars[i], from.origins[i]);
  }
}

void lower(const AlignedText& from, AlignedText& to) {
  std::vector<char32_t> parts;
  for (std::uint32_t i = 0; i < from.size(); ++i) {
    if ((unicode_flags(from.chars[i]) & kHasLower) == 0) {
      to.push(from.chars[i], from.origins[i]);
      continue;
    }
    parts.clear();
    append_lower(from.chars[i], parts);
    for (const char32_t part : parts) to.push(part, from.origins[i]);
  }
}

template <typename Step>
void run(Step step, AlignedText& text, AlignedText& scratch) {
  scratch.clear();
  step(text, scratch);
  std::swap(text, scratch);
}

}  // namespace

void BertNormalizer::apply(AlignedText& text, AlignedText& scratch) const {
  std::uint32_t highest = 0;
  for (const char32_t code : text.chars) highest = std::max(highest, static_cast<std::uint32_t>(code));
  // Steps that can't change anything are skipped: most text has no accent, and Latin text no ideograph.
  if (clean_text) run(clean, text, scratch);
  if (handle_chinese_chars && highest >= 0x3400) run(space_chinese, text, scratch);
  if (strip_accents && highest >= 0xC0) {
    run(decompose, text, scratch);
    run(drop_marks, text, scratch);
  }
  if (lowercase) run(lower, text, scratch);
}

}  // namespace dure
