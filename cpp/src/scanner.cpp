#include "dure/scanner.h"

namespace dure {
namespace {

Range range_of(const char* text, const char* begin, const char* end) {
  return {static_cast<std::uint32_t>(begin - text), static_cast<std::uint32_t>(end - text)};
}

class KindMatcher final : public Regex {
 public:
  explicit KindMatcher(Kinds kinds) : kinds_(kinds) {}

  void find_all(std::string_view text, std::vector<Range>& matches) const override {
    const char* const end = text.data() + text.size();
    for (const char* at = skip_kinds(text.data(), end, ~kinds_); at < end; at = skip_kinds(at, end, ~kinds_)) {
      const std::uint32_t size_bytes = glance(at, end).size_bytes;
      matches.push_back(range_of(text.data(), at, at + size_bytes));
      at += size_bytes;
    }
  }

  bool is_local() const override { return true; }
  bool is_charwise() const override { return true; }

  CutSides sides_of_cut() const override {
    const bool takes_space = (kinds_ & kinds_of(CharKind::kSpace)) != 0;
    const bool takes_others = (kinds_ & ~kSpaces) != 0;
    return {takes_others ? CutSide::kUnknown : CutSide::kGap, takes_space ? CutSide::kMatch : CutSide::kGap};
  }

 private:
  Kinds kinds_;
};

class PunctuationMatcher final : public Regex {
 public:
  void find_all(std::string_view text, std::vector<Range>& matches) const override {
    constexpr Kinds kNever = kLetters | kNumbers | kSpaces;
    const char* const end = text.data() + text.size();
    for (const char* at = skip_kinds(text.data(), end, kNever); at < end; at = skip_kinds(at, end, kNever)) {
      std::uint32_t size_bytes = 0;
      const char32_t code = decode_char(at, end, size_bytes);
      if (is_punctuation(code)) matches.push_back(range_of(text.data(), at, at + size_bytes));
      at += size_bytes;
    }
  }

  bool is_local() const override { return true; }
  bool is_charwise() const override { return true; }
  CutSides sides_of_cut() const override { return {CutSide::kUnknown, CutSide::kGap}; }
};

class WordOrSymbols final : public Regex {
 public:
  WordOrSymbols(Kinds word, Kinds no_symbol) : word_(word), symbols_(~(no_symbol | kSpaces)) {}

  void find_all(std::string_view text, std::vector<Range>& matches) const override {
    const char* const end = text.data() + text.size();
    for (const char* at = skip_kinds(text.data(), end, kSpaces); at < end; at = skip_kinds(at, end, kSpaces)) {
      const Glance first = glance(at, end);
      const char* const stop = skip_kinds(at + first.size_bytes, end, (first.kind & word_) != 0 ? word_ : symbols_);
      matches.push_back(range_of(text.data(), at, stop));
      at = stop;
    }
  }

  bool is_local() const override { return true; }
  CutSides sides_of_cut() const override { return {CutSide::kMatch, CutSide::kGap}; }

 private:
  Kinds word_;
  Kinds symbols_;
};

}  // namespace

std::shared_ptr<const Regex> make_kind_matcher(Kinds kinds) { return std::make_shared<KindMatcher>(kinds); }
std::shared_ptr<const Regex> make_punctuation_matcher() { return std::make_shared<PunctuationMatcher>(); }
std::shared_ptr<const Regex> make_word_or_symbols(Kinds word, Kinds no_symbol) {
  return std::make_shared<WordOrSymbols>(word, no_symbol);
}

const char* after_last_newline(const char* at, const char* stop) {
  for (; stop > at; --stop) {
    if (stop[-1] == '\n' || stop[-1] == '\r') return stop;
  }
  return nullptr;
}

const char* before_last_space(const char* at, const char* stop, const char* end) {
  if (stop == end) return stop > at ? stop : nullptr;
  if (stop == at) return nullptr;
  const char* last = stop - 1;
  while (last > at && (static_cast<unsigned char>(*last) & 0xC0U) == 0x80) --last;
  return last > at ? last : nullptr;
}

std::vector<std::string_view> split_alternatives(std::string_view pattern) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  int class_depth = 0;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const char byte = pattern[at];
    if (byte == '\\') {
      ++at;
    } else if (byte == '[') {
      ++class_depth;
    } else if (byte == ']' && class_depth > 0) {
      --class_depth;
    } else if (class_depth > 0) {
      continue;
    } else if (byte == '(') {
      ++depth;
    } else if (byte == ')') {
      --depth;
    } else if (byte == '|' && depth == 0) {
      parts.push_back(pattern.substr(begin, at - begin));
      begin = at + 1;
    }
  }
  parts.push_back(pattern.substr(begin));
  return parts;
}

std::shared_ptr<const Regex> find_scanner(const std::string& pattern) {
  if (pattern == R"(\w+|[^\w\s]+)") return make_word_or_symbols(kRegexWordCharacters, kSetWordCharacters);
  if (auto scanner = find_word_scanner(pattern)) return scanner;
  return find_class_scanner(pattern);
}

}  // namespace dure
