// BERT's cleaning: controls out, one kind of space, spaces around ideographs, accents off, lower case.
#include "dure/normalizer.h"
#include "dure/unicode.h"

namespace dure {
namespace {

bool is_blank(char32_t code) { return code == '\t' || code == '\n' || code == '\r'; }

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const Json& json) {
    const auto flag = [&json](std::string_view key) {
      json.at(key);  // required
      return json.flag_or(key, false);
    };
    cleans_ = flag("clean_text");
    spaces_ideographs_ = flag("handle_chinese_chars");
    lowers_ = flag("lowercase");
    const Json* strips = json.find("strip_accents");
    strips_accents_ = strips == nullptr || strips->is_null() ? lowers_ : flag("strip_accents");
  }

  void apply(AlignedText& text, AlignedText& scratch, Ends) const override {
    const unsigned found = look(text);
    if (cleans_ && (found & kUnclean) != 0) clean(text, scratch);
    if (spaces_ideographs_ && (found & kIdeographs) != 0) space_ideographs(text, scratch);
    if (strips_accents_ && (found & kAccents) != 0) {
      to_normal_form(NormalForm::kNfd, text, scratch);
      const auto is_mark = [](char32_t code) { return (unicode_flags(code) & kMark) != 0; };
      rewrite_chars(text, scratch, is_mark, [](TextEditor& editor, char32_t) { editor.drop(); });
    }
    if (lowers_) to_lower(text, scratch);
  }
  // The plain characters, of which one stands before a cut, have no ideographs, so that no space comes to stand there.
  bool keeps_cuts(std::u32string& heads) const override { return are_spaces(heads); }

 private:
  enum Found : unsigned { kUnclean = 1, kIdeographs = 2, kAccents = 4 };

  // What there is to do. Tabs and line ends become spaces on the way.
  unsigned look(AlignedText& text) const {
    unsigned found = 0;
    for (std::uint32_t at = 0; at < text.size_bytes();) {
      const auto lead = static_cast<unsigned char>(text.bytes[at]);
      if (lead < 0x80) {
        if (lead < 0x20 || lead == 0x7F) {
          if (cleans_ && is_blank(lead)) {
            text.bytes[at] = ' ';
          } else {
            found |= kUnclean;
          }
        }
        ++at;
        continue;
      }
      const Utf8Char next = text.char_at(at);
      const std::uint8_t flags = unicode_flags(next.code);
      if ((flags & (kControl | kSpace)) != 0 || next.code == 0xFFFD) found |= kUnclean;
      if ((flags & (kDecomposes | kCombines | kMark)) != 0 || is_hangul_syllable(next.code)) found |= kAccents;
      if (is_chinese(next.code)) found |= kIdeographs;
      at += next.size_bytes;
    }
    return found;
  }

  static void clean(AlignedText& text, AlignedText& scratch) {
    const auto is_dropped = [](char32_t code) {
      return code == 0 || code == 0xFFFD || ((unicode_flags(code) & kControl) != 0 && !is_blank(code));
    };
    const auto is_unclean = [&](char32_t code) {
      return code < 0x20 || code == 0x7F || (code >= 0x80 && ((unicode_flags(code) & kSpace) != 0 || is_dropped(code)));
    };
    rewrite_chars(text, scratch, is_unclean, [&](TextEditor& editor, char32_t code) {
      if (is_dropped(code)) {
        editor.drop();
      } else {
        editor.replace(U' ');
      }
    });
  }

  static void space_ideographs(AlignedText& text, AlignedText& scratch) {
    rewrite_chars(text, scratch, is_chinese, [](TextEditor& editor, char32_t code) {
      editor.replace(U' ');
      editor.insert(code);
      editor.insert(U' ');
    });
  }

  bool cleans_ = false;
  bool spaces_ideographs_ = false;
  bool strips_accents_ = false;
  bool lowers_ = false;
};

}  // namespace

std::unique_ptr<const Normalizer> make_bert_normalizer(const Json& json) {
  return std::make_unique<BertNormalizer>(json);
}

}  // namespace dure
