// Steps that look at one character after the other: BertPreTokenizer, UnicodeScripts, FixedLength.
#include "dure/pre_tokenizer.h"
#include "dure/unicode_classes.h"

namespace dure {
namespace {

// A base for steps that split each word on its own and leave the text as it is.
class WordSplitter : public PreTokenizer {
 public:
  void apply(Words& words, Words& scratch, Ends) const final {
    scratch.ranges.clear();
    for (const Range word : words.ranges) split(words.text, word, scratch.ranges);
    words.ranges.swap(scratch.ranges);
  }

 protected:
  virtual void split(const AlignedText& text, Range word, std::vector<Range>& out) const = 0;
};

// White space is dropped, each punctuation character is a word.
class BertPreTokenizer final : public WordSplitter {
 public:
  bool is_local() const override { return true; }
  bool is_charwise() const override { return true; }

 protected:
  void split(const AlignedText& text, Range word, std::vector<Range>& out) const override {
    const char* const begin = text.bytes.data();
    const char* const end = begin + word.end_bytes;
    const char* open = begin + word.begin_bytes;
    const auto write = [&](const char* from, const char* to) {
      if (from < to) out.push_back({static_cast<std::uint32_t>(from - begin), static_cast<std::uint32_t>(to - begin)});
    };
    constexpr Kinds kWithin = kLetters | kNumbers;
    for (const char* at = skip_kinds(open, end, kWithin); at < end; at = skip_kinds(at, end, kWithin)) {
      const Glance next = glance(at, end);
      const bool is_space = (next.kind & kSpaces) != 0;
      if (is_space || is_mark(at, end, next)) {
        write(open, at);
        if (!is_space) write(at, at + next.size_bytes);
        open = at + next.size_bytes;
      }
      at += next.size_bytes;
    }
    write(open, end);
  }

 private:
  static bool is_mark(const char* at, const char* end, Glance glance) {
    if (static_cast<unsigned char>(*at) < 0x80) return (glance.kind & (kPunctuations | kSymbols)) != 0;
    std::uint32_t size_bytes = 0;
    return is_punctuation(decode_char(at, end, size_bytes));
  }
};

// A border between characters of different scripts, as SentencePiece draws it. A space goes with any script; what comes
// before the first character of some script is lost, as in the original. So a cut at a space would lose it.
class UnicodeScripts final : public WordSplitter {
 public:
  bool is_local() const override { return false; }

 protected:
  void split(const AlignedText& text, Range word, std::vector<Range>& out) const override {
    const char* const begin = text.bytes.data();
    const char* const end = begin + word.end_bytes;
    std::uint8_t last_script = 0;
    std::uint32_t open_bytes = 0;
    for (const char* at = begin + word.begin_bytes; at < end;) {
      std::uint32_t size_bytes = 0;
      const std::uint8_t script = char_script(decode_char(at, end, size_bytes));
      const auto position_bytes = static_cast<std::uint32_t>(at - begin);
      at += size_bytes;
      if (script == 0 || script == last_script) continue;
      if (last_script != 0) out.push_back({open_bytes, position_bytes});
      open_bytes = position_bytes;
      last_script = script;
    }
    if (last_script != 0) out.push_back({open_bytes, word.end_bytes});
  }
};

// Words of so many characters.
class FixedLength final : public WordSplitter {
 public:
  explicit FixedLength(std::size_t length_chars) : length_chars_(length_chars) {}
  bool is_local() const override { return false; }

 protected:
  void split(const AlignedText& text, Range word, std::vector<Range>& out) const override {
    const char* const end = text.bytes.data() + word.end_bytes;
    std::uint32_t at_bytes = word.begin_bytes;
    while (at_bytes < word.end_bytes) {
      const std::uint32_t open_bytes = at_bytes;
      for (std::size_t count = 0; count < length_chars_ && at_bytes < word.end_bytes; ++count) {
        std::uint32_t size_bytes = 0;
        decode_char(text.bytes.data() + at_bytes, end, size_bytes);
        at_bytes += size_bytes;
      }
      out.push_back({open_bytes, at_bytes});
    }
  }

 private:
  std::size_t length_chars_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_bert_pre_tokenizer() { return std::make_unique<BertPreTokenizer>(); }
std::unique_ptr<const PreTokenizer> make_unicode_scripts() { return std::make_unique<UnicodeScripts>(); }
std::unique_ptr<const PreTokenizer> make_fixed_length(std::size_t length_chars) {
  return std::make_unique<FixedLength>(length_chars);
}

}  // namespace dure
