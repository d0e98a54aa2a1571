// Metaspace: spaces become a visible character that begins a word, and the text gets one in front.
#include <algorithm>
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
    Writer writer(words.text, scratch, most_bytes(words));
    for (const Range word : words.ranges) {
      if (word.begin_bytes < word.end_bytes) rewrite(words.text, word, ends, writer);
    }
    writer.finish();
    std::swap(words.text, scratch.text);
    words.ranges.swap(scratch.ranges);
  }

  // The piece after a cut begins with a space, so it begins a word and gets nothing in front.
  bool is_local() const override { return splits_; }
  bool takes_visible_spaces() const override { return splits_ && replacement_ == "\u2581"; }
  bool sees_ends() const override { return scheme_ == PrependScheme::kFirst; }

 private:
  // Writes the new text into memory that was made large enough before.
  class Writer {
   public:
    Writer(const AlignedText& from, Words& to, std::size_t most_bytes) : from_(from), to_(to) {
      to_.text.bytes.resize(most_bytes);
    }

    // Copies the bytes from `at` up to the next one that is a space or `lead`, or to `end`; returns where it stands.
    std::uint32_t copy_until(std::uint32_t at, std::uint32_t end, char lead) {
      const char* const from = from_.bytes.data();
      const std::uint32_t begin = at;
      char* out = to_.text.bytes.data() + size_;
      while (at < end && from[at] != ' ' && from[at] != lead) *out++ = from[at++];
      size_ += at - begin;
      if (to_.text.is_tracked) {
        to_.text.origins.insert(to_.text.origins.end(), from_.origins.begin() + begin, from_.origins.begin() + at);
      }
      return at;
    }

    // Writes `text` in the place of the character at `at`.
    void put(std::string_view text, std::uint32_t at) {
      std::memcpy(to_.text.bytes.data() + size_, text.data(), text.size());
      size_ += static_cast<std::uint32_t>(text.size());
      if (to_.text.is_tracked) to_.text.origins.insert(to_.text.origins.end(), text.size(), from_.origins[at]);
    }

    void close_word() {
      if (open_ < size_) to_.ranges.push_back({open_, size_});
      open_ = size_;
    }

    void finish() { to_.text.bytes.resize(size_); }

   private:
    const AlignedText& from_;
    Words& to_;
    std::uint32_t size_ = 0;
    std::uint32_t open_ = 0;
  };

  std::size_t most_bytes(const Words& words) const {
    const std::string& bytes = words.text.bytes;
    const auto num_spaces = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), ' '));
    const std::size_t num_prefixes = scheme_ == PrependScheme::kNever ? 0 : words.ranges.size();
    return bytes.size() + (num_spaces + num_prefixes) * replacement_.size();
  }

  void rewrite(const AlignedText& from, Range word, Ends ends, Writer& to) const {
    const std::string_view text = from.view(word);
    const bool is_marked = text.front() == ' ' || text.starts_with(replacement_);
    if (!is_marked && prepends(from, word, ends)) to.put(replacement_, word.begin_bytes);
    std::uint32_t at = word.begin_bytes;
    while ((at = to.copy_until(at, word.end_bytes, replacement_.front())) < word.end_bytes) {
      const std::string_view rest = from.view({at, word.end_bytes});
      if (rest.front() == ' ' || rest.starts_with(replacement_)) {
        if (splits_) to.close_word();
        to.put(replacement_, at);
        at += rest.front() == ' ' ? 1U : static_cast<std::uint32_t>(replacement_.size());
      } else {
        to.put(rest.substr(0, 1), at);
        ++at;
      }
    }
    to.close_word();
  }

  bool prepends(const AlignedText& from, Range word, Ends ends) const {
    if (scheme_ != PrependScheme::kFirst) return scheme_ == PrependScheme::kAlways;
    // Pieces at the head are tracked, so that it's known whether they're at the start of the whole text.
    return ends.is_head && (!from.is_tracked || from.origins[word.begin_bytes].begin_chars == 0);
  }

  std::string replacement_;
  PrependScheme scheme_;
  bool splits_;
};

PrependScheme read_scheme(const Json& json) {
  // Files from before `prepend_scheme` say `add_prefix_space`; the original refuses false without the scheme "never",
  // but what is meant is plain.
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
