// Replace: every match of a literal or of a regular expression becomes the same text.
#include <algorithm>
#include <array>
#include <vector>

#include "dure/normalizer.h"
#include "dure/regex.h"
#include "dure/unicode.h"

namespace dure {
namespace {

bool is_blank(char32_t code) { return (unicode_flags(code) & (kSpace | kControl)) != 0 || code == kVisibleSpace; }

std::u32string to_codes(std::string_view text) {
  std::u32string codes;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char next = decode_char(text, at);
    codes.push_back(next.code);
    at += next.size_bytes;
  }
  return codes;
}

class Replace : public Normalizer {
 public:
  explicit Replace(std::string content) : content_(std::move(content)), codes_(to_codes(content_)) {}

  bool keeps_leading_ascii() const override { return !content_.empty() && content_[0] >= ' ' && content_[0] < 0x7F; }

 protected:
  void put(TextEditor& editor, Range match) const {
    editor.keep_until(match.begin_bytes);
    editor.drop_until(match.end_bytes);
    for (const char32_t code : codes_) editor.insert(code);
    check_size(editor.written_bytes());
  }
  // What a match leaves of the plain character before a cut must stand for it: later steps may count on it.
  bool ends_plain() const { return !codes_.empty() && is_plain(codes_.back()); }
  // Notes what a match that begins right behind a cut puts there; false where that may be nothing.
  bool add_head(std::u32string& heads) const {
    if (codes_.empty()) return false;
    heads += codes_.front();
    return true;
  }

  std::string content_;
  std::u32string codes_;
};

class LiteralReplace final : public Replace {
 public:
  LiteralReplace(std::string pattern, std::string content)
      : Replace(std::move(content)), pattern_(std::move(pattern)) {}

  void apply(AlignedText& text, AlignedText& scratch, Ends) const override {
    std::size_t found = text.bytes.find(pattern_);
    if (found == std::string::npos) return;
    if (pattern_.size() == 1 && content_.size() == 1) {
      std::replace(text.bytes.begin(), text.bytes.end(), pattern_[0], content_[0]);
      return;
    }
    if (content_.size() > pattern_.size()) check_matches(text.bytes);
    TextEditor editor(text, scratch);
    for (; found != std::string::npos; found = text.bytes.find(pattern_, editor.position_bytes())) {
      const auto begin = static_cast<std::uint32_t>(found);
      put(editor, {begin, begin + static_cast<std::uint32_t>(pattern_.size())});
    }
    editor.keep_rest();
    std::swap(text, scratch);
  }

  bool keeps_cuts(std::u32string& heads) const override {
    const std::u32string codes = to_codes(pattern_);
    // A match can't span a cut if no character but its first may be the one behind the cut.
    if (codes.find_first_of(heads, 1) != std::u32string::npos) return false;
    if (!std::all_of(codes.begin(), codes.end(), is_blank) && !ends_plain()) return false;
    const bool takes_head = heads.find(codes.front()) != std::u32string::npos;
    return !takes_head || add_head(heads);
  }

 private:
  // Refuses what would grow too large, before it does.
  void check_matches(std::string_view text) const {
    if (text.size() / pattern_.size() * content_.size() < (std::size_t{1} << 28)) return;
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(pattern_, at)) != std::string::npos; at += pattern_.size()) {
      check_size(++count * content_.size());
    }
  }

  std::string pattern_;  // not empty
};

// An empty literal matches before every character and at the end, but not in an empty text.
class InsertEverywhere final : public Replace {
 public:
  using Replace::Replace;

  void apply(AlignedText& text, AlignedText& scratch, Ends) const override {
    if (text.bytes.empty()) return;
    TextEditor editor(text, scratch);
    while (!editor.is_done()) {
      put(editor, {editor.position_bytes(), editor.position_bytes()});
      editor.keep();
    }
    put(editor, {editor.position_bytes(), editor.position_bytes()});
    std::swap(text, scratch);
  }
  bool keeps_cuts(std::u32string&) const override { return false; }
  bool keeps_leading_ascii() const override { return false; }
};

// These match nothing but white space, from a space behind a cut on, or one by one.
constexpr std::array<std::string_view, 10> kSpacePatterns = {" {2,}", "[ ]{2,}", " +",   "[ ]+", "\\s+",
                                                             "\\s{2,}", "\\s",    "\\n", "\\n+", "[\\n\\r\\t]"};

class RegexReplace final : public Replace {
 public:
  RegexReplace(std::string pattern, std::shared_ptr<const Regex> regex, std::string content)
      : Replace(std::move(content)), pattern_(std::move(pattern)), regex_(std::move(regex)) {}

  void apply(AlignedText& text, AlignedText& scratch, Ends) const override {
    if (text.bytes.empty()) return;
    std::vector<Range> matches;
    regex_->find_all(text.bytes, matches);
    if (matches.empty()) return;
    TextEditor editor(text, scratch);
    for (const Range match : matches) put(editor, match);
    editor.keep_rest();
    std::swap(text, scratch);
  }

  bool keeps_cuts(std::u32string& heads) const override {
    const bool takes_spaces = std::find(kSpacePatterns.begin(), kSpacePatterns.end(), pattern_) != kSpacePatterns.end();
    if (takes_spaces) return are_spaces(heads) && add_head(heads);
    const bool is_regex_local = heads.find_first_not_of(U' ') == std::u32string::npos && regex_->is_local();
    return is_regex_local && ends_plain() && add_head(heads);
  }
  bool keeps_leading_ascii() const override {
    return Replace::keeps_leading_ascii() &&
           std::find(kSpacePatterns.begin(), kSpacePatterns.end(), pattern_) != kSpacePatterns.end();
  }

 private:
  std::string pattern_;
  std::shared_ptr<const Regex> regex_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_replace(const Json& json) {
  const Json& pattern = json.at("pattern");
  const std::string& content = json.text("content");
  if (const Json* literal = pattern.find("String")) {
    if (literal->type != Json::Type::kString) throw JsonError("the pattern \"String\" of a Replace must be a string");
    if (literal->string.empty()) return std::make_unique<InsertEverywhere>(content);
    return std::make_unique<LiteralReplace>(literal->string, content);
  }
  if (pattern.find("Regex") == nullptr) {
    throw JsonError("the \"pattern\" of a Replace must be {\"String\": ...} or {\"Regex\": ...}");
  }
  return std::make_unique<RegexReplace>(pattern.text("Regex"), pattern_from_json(pattern), content);
}

}  // namespace dure
