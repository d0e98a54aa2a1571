#include <iterator>

#include "dure/char_class.h"

namespace dure {
namespace {

struct NamedKinds {
  std::string_view name;
  Kinds kinds;
};

constexpr NamedKinds kProperties[] = {
    {"L", kLetters},
    {"M", kMarks},
    {"N", kNumbers},
    {"P", kPunctuations},
    {"S", kSymbols},
    {"Z", kinds_of(CharKind::kSpace)},
    {"Lu", kinds_of(CharKind::kUpper)},
    {"Ll", kinds_of(CharKind::kLower)},
    {"Lt", kinds_of(CharKind::kTitle)},
    {"Lm", kinds_of(CharKind::kModifier)},
    {"Lo", kinds_of(CharKind::kOtherLetter)},
    {"Mn", kinds_of(CharKind::kNonspacingMark)},
    {"Mc", kinds_of(CharKind::kSpacingMark)},
    {"Me", kinds_of(CharKind::kEnclosingMark)},
    {"Nd", kinds_of(CharKind::kDecimal)},
    {"Nl", kinds_of(CharKind::kLetterNumber)},
    {"No", kinds_of(CharKind::kOtherNumber, CharKind::kLatinNumber)},
    {"Pc", kinds_of(CharKind::kConnector)},
    {"Pd", kinds_of(CharKind::kDash)},
    {"Ps", kinds_of(CharKind::kOpening)},
    {"Pe", kinds_of(CharKind::kClosing)},
    {"Pi", kinds_of(CharKind::kInitialQuote)},
    {"Pf", kinds_of(CharKind::kFinalQuote)},
    {"Po", kinds_of(CharKind::kOtherPunctuation)},
    {"Sm", kinds_of(CharKind::kMathSymbol)},
    {"Sc", kinds_of(CharKind::kCurrency)},
    {"Sk", kinds_of(CharKind::kModifierSymbol)},
    {"So", kinds_of(CharKind::kOtherSymbol, CharKind::kAlphabeticSymbol)},
};

bool take(std::string_view& text, char byte) {
  if (text.empty() || text.front() != byte) return false;
  text.remove_prefix(1);
  return true;
}

bool take_char(std::string_view& text, char32_t& code) {
  if (text.empty()) return false;
  std::uint32_t size_bytes = 0;
  code = decode_char(text.data(), text.data() + text.size(), size_bytes);
  text.remove_prefix(size_bytes);
  return true;
}

// `{L}` or `{^L}` after \p or \P.
bool take_property(std::string_view& text, bool is_negated, Kinds& kinds) {
  if (!take(text, '{')) return false;
  if (take(text, '^')) is_negated = !is_negated;
  const std::size_t size = text.find('}');
  if (size == std::string_view::npos) return false;
  for (const NamedKinds& property : kProperties) {
    if (property.name != text.substr(0, size)) continue;
    kinds = is_negated ? ~property.kinds : property.kinds;
    text.remove_prefix(size + 1);
    return true;
  }
  return false;
}

// What follows a backslash: a class of kinds (`is_kinds`) or a single character.
bool take_escape(std::string_view& text, bool in_set, Kinds& kinds, char32_t& code, bool& is_kinds) {
  const Kinds word = in_set ? kSetWordCharacters : kRegexWordCharacters;
  if (!take_char(text, code)) return false;
  is_kinds = true;
  switch (code) {
    case 's': kinds = kSpaces; return true;
    case 'S': kinds = ~kSpaces; return true;
    case 'w': kinds = word; return true;
    case 'W': kinds = ~word; return true;
    case 'd': kinds = kinds_of(CharKind::kDecimal); return true;
    case 'D': kinds = ~kinds_of(CharKind::kDecimal); return true;
    case 'p': return take_property(text, false, kinds);
    case 'P': return take_property(text, true, kinds);
    default: break;
  }
  is_kinds = false;
  switch (code) {
    case 'n': code = '\n'; return true;
    case 'r': code = '\r'; return true;
    case 't': code = '\t'; return true;
    case 'v': code = '\v'; return true;
    case 'f': code = '\f'; return true;
    default: break;
  }
  // Other letters and digits have meanings (\b, \h, \x, \1, ...) that aren't read here.
  const bool is_plain = (kAsciiKinds[code & 127U] & (kLetters | kNumbers)) == 0;
  return code < 128 && is_plain;
}

// `[:`, `&&` and a few more would mean something else than their characters.
bool is_special_in_set(std::string_view text) { return text.starts_with("[:") || text.starts_with("&&"); }

bool read_set(std::string_view& text, CharClass& result, int depth);

// One member of a set: a nested set, an escape, a character or a range.
bool read_member(std::string_view& text, CharClass& result, int depth) {
  constexpr int kMaxDepth = 8;
  if (is_special_in_set(text)) return false;
  if (take(text, '[')) {
    CharClass nested;
    if (depth == kMaxDepth || text.starts_with("^") || !read_set(text, nested, depth + 1)) return false;
    result.add(std::move(nested));
    return true;
  }
  Kinds kinds = 0;
  char32_t first = 0;
  bool is_kinds = false;
  if (take(text, '\\')) {
    if (!take_escape(text, true, kinds, first, is_kinds)) return false;
  } else if (!take_char(text, first)) {
    return false;
  }
  if (is_kinds) {
    result.add_kinds(kinds);
    return !text.starts_with("-") || text.starts_with("-]");
  }
  char32_t last = first;
  if (first == '-' && text.starts_with("-")) return false;
  if (text.starts_with("-") && !text.starts_with("-]")) {
    text.remove_prefix(1);
    if (text.starts_with("[")) return false;
    if (take(text, '\\')) {
      if (!take_escape(text, true, kinds, last, is_kinds) || is_kinds) return false;
    } else if (!take_char(text, last)) {
      return false;
    }
    if (last < first) return false;
  }
  result.add_range(first, last);
  return true;
}

// What follows an opening bracket.
bool read_set(std::string_view& text, CharClass& result, int depth) {
  const bool is_negated = take(text, '^');
  if (text.starts_with("]")) return false;
  while (!take(text, ']')) {
    if (!read_member(text, result, depth)) return false;
  }
  if (is_negated) result.invert();
  return true;
}

}  // namespace

bool CharClass::contains_beyond_ascii(const char* at, const char* end, std::uint32_t& size_bytes) const {
  const char32_t code = decode_char(at, end, size_bytes);
  bool is_listed = (kinds_of(char_kind(code)) & kinds_) != 0;
  for (std::size_t i = 0; i < ranges_.size() && !is_listed; ++i) {
    is_listed = code >= ranges_[i].first && code <= ranges_[i].second;
  }
  return is_listed != is_inverted_;
}

bool CharClass::covers(Kinds kinds) const {
  return is_inverted_ ? ranges_.empty() && (kinds_ & kinds) == 0 : (kinds & ~kinds_) == 0;
}

bool CharClass::has_other_than_space() const {
  for (unsigned char byte = 0; byte < 128; ++byte) {
    if (contains_ascii(byte) && (kAsciiKinds[byte] & kSpaces) == 0) return true;
  }
  return is_inverted_ || (kinds_ & ~kSpaces) != 0 || !ranges_.empty();
}

void CharClass::add(CharClass other) {
  // Only plain sets are nested (see read_member), so neither side is inverted.
  ascii_[0] |= other.ascii_[0];
  ascii_[1] |= other.ascii_[1];
  kinds_ |= other.kinds_;
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
}

void CharClass::add_kinds(Kinds kinds) {
  for (unsigned char byte = 0; byte < 128; ++byte) {
    if ((kAsciiKinds[byte] & kinds) != 0) ascii_[byte >> 6] |= std::uint64_t{1} << (byte & 63U);
  }
  kinds_ |= kinds;
}

void CharClass::add_range(char32_t first, char32_t last) {
  for (char32_t code = first; code <= last && code < 128; ++code) ascii_[code >> 6] |= std::uint64_t{1} << (code & 63U);
  if (last >= 128) ranges_.emplace_back(first < 128 ? 128 : first, last);
}

void CharClass::invert() {
  ascii_[0] = ~ascii_[0];
  ascii_[1] = ~ascii_[1];
  is_inverted_ = !is_inverted_;
}

bool read_char_class(std::string_view& pattern, CharClass& result) {
  if (take(pattern, '[')) return read_set(pattern, result, 0);
  if (take(pattern, '\\')) {
    Kinds kinds = 0;
    char32_t code = 0;
    bool is_kinds = false;
    if (!take_escape(pattern, false, kinds, code, is_kinds)) return false;
    if (is_kinds) {
      result.add_kinds(kinds);
    } else {
      result.add_range(code, code);
    }
    return true;
  }
  if (take(pattern, '.')) {
    result.add_range('\n', '\n');
    result.invert();
    return true;
  }
  if (pattern.empty() || std::string_view("()[]{}*+?^$|").find(pattern.front()) != std::string_view::npos) return false;
  char32_t code = 0;
  if (!take_char(pattern, code)) return false;
  result.add_range(code, code);
  return true;
}

}  // namespace dure
