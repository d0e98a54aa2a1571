// Metaspace: spaces become a visible character that begins a word, and the text gets one in front.
#include <cstring>

#include "dure/pre_tokenizer.h"
#include "dure/utf8.h"

namespace dure {
namespace {

enum class PrependScheme { kAlways, kFirst, kNever };

class Metaspace final : public PreTokenizer {
 public:
  Metaspace(std::string replacement, PrependScheme scheme, bool splits)
      : replacement_(std::move(replacement)), scheme_(scheme), splits_(splits) {}

  void apply(Words& words, Words& scratch, Ends ends) const override {
    scratch.clear();
    scratch.text.is_tracked = words.text.is_tracked;
    scratch.text.bytes.reserve(words.text.bytes.size() + words.text.bytes.size() / 4);
    for (const Range word : words.ranges) {
      if (word.begin_bytes < word.end_bytes) rewrite(words.text, word, ends, scratch);
    }
    std::swap(words.text, scratch.text);
    words.ranges.swap(scratch.ranges);
  }

  // The piece after a cut begins with a space, so it begins a word and gets nothing in front.
  bool is_local() const override { return splits_; }
  bool takes_visible_spaces() const override { return splits_ && replacement_ == "\u2581"; }
  bool sees_ends() const override { return scheme_ == PrependScheme::kFirst; }

 private:
  void rewrite(const AlignedText& from, Range word, Ends ends, Words& to) const {
    std::uint32_t open_bytes = to.text.size_bytes();
    const std::string_view text = from.view(word);
    const bool is_marked = text.front() == ' ' || text.starts_with(replacement_);
    if (!is_marked && prepends(from, word, ends)) append_mark(from, word.begin_bytes, to.text);
    std::uint32_t at = word.begin_bytes;
    while (at < word.end_bytes) {
      const std::uint32_t next = find_mark(from.bytes, at, word.end_bytes);
      append(from, {at, next}, to.text);
      at = next;
      if (at == word.end_bytes) break;
      if (splits_) close_word(open_bytes, to);
      const std::uint32_t size_bytes =
          from.bytes[at] == ' ' ? 1U : static_cast<std::uint32_t>(replacement_.size());
      append_mark(from, at, to.text);
      at += size_bytes;
    }
    close_word(open_bytes, to);
  }

  bool prepends(const AlignedText& from, Range word, Ends ends) const {
    if (scheme_ != PrependScheme::kFirst) return scheme_ == PrependScheme::kAlways;
    // Pieces at the head are tracked, so that it's known whether they're at the start of the whole text.
    return ends.is_head && (!from.is_tracked || from.origins[word.begin_bytes].begin_chars == 0);
  }

  // The position of the next space or replacement.
  std::uint32_t find_mark(const std::string& bytes, std::uint32_t at, std::uint32_t end) const {
    const char lead = replacement_.front();
    for (; at < end; ++at) {
      if (bytes[at] == ' ') return at;
      if (bytes[at] != lead || end - at < replacement_.size()) continue;
      if (std::memcmp(bytes.data() + at, replacement_.data(), replacement_.size()) == 0) return at;
    }
    return at;
  }

  // The replacement, in the place of the character at `at`.
  void append_mark(const AlignedText& from, std::uint32_t at, AlignedText& to) const {
    to.bytes += replacement_;
    if (to.is_tracked) to.origins.insert(to.origins.end(), replacement_.size(), from.origins[at]);
  }

  static void append(const AlignedText& from, Range range, AlignedText& to) {
    to.bytes += from.view(range);
    if (!to.is_tracked) return;
    to.origins.insert(to.origins.end(), from.origins.begin() + range.begin_bytes, from.origins.begin() + range.end_bytes);
  }

  static void close_word(std::uint32_t& open_bytes, Words& to) {
    const std::uint32_t end_bytes = to.text.size_bytes();
    if (open_bytes < end_bytes) to.ranges.push_back({open_bytes, end_bytes});
    open_bytes = end_bytes;
  }

  std::string replacement_;
  PrependScheme scheme_;
  bool splits_;
};

PrependScheme read_scheme(const Json& json) {
  // Files from before `prepend_scheme` say `add_prefix_space`; the original refuses false without the scheme "never", but
  // what is meant is plain.
  const bool adds_prefix = json.flag_or("add_prefix_space", true);
  const std::string name = json.text_or("prepend_scheme", adds_prefix ? "always" : "never");
  if (name == "always") return PrependScheme::kAlways;
  if (name == "first") return PrependScheme::kFirst;
  if (name == "never") return PrependScheme::kNever;
  throw JsonError("Metaspace: 'prepend_scheme' must be always, first or never, not '" + name + "'");
}

}  // namespace

std::unique_ptr<const PreTokenizer> make_metaspace(const Json& json) {
  const std::string replacement = json.text_or("replacement", "\xE2\x96\x81");
  std::vector<char32_t> codes;
  decode_utf8(replacement, codes);
  if (codes.size() != 1) {
    throw JsonError("Metaspace: 'replacement' must be one character, not '" + replacement + "'");
  }
  return std::make_unique<Metaspace>(replacement, read_scheme(json), json.flag_or("split", true));
}

}  // namespace dure
