// Steps that look at one character at a time: Lowercase, StripAccents, Nmt, ByteLevel.
#include <array>

#include "dure/normalizer.h"
#include "dure/unicode.h"

namespace dure {
namespace {

class Lowercase final : public Normalizer {
 public:
  void apply(AlignedText& text, AlignedText& scratch, Ends) const override { to_lower(text, scratch); }
  bool keeps_cuts(std::u32string& heads) const override { return are_spaces(heads); }
};

class StripAccents final : public Normalizer {
 public:
  void apply(AlignedText& text, AlignedText& scratch, Ends) const override {
    if (is_ascii(text.bytes)) return;
    const auto is_mark = [](char32_t code) { return (code_properties(code).forms & kAnyMark) != 0; };
    rewrite_chars(text, scratch, is_mark, [](TextEditor& editor, char32_t) { editor.drop(); });
  }
  bool keeps_cuts(std::u32string& heads) const override { return are_spaces(heads); }
};

// The cleaning that SentencePiece's NMT rules begin with: no controls, and spaces for all that separates.
class Nmt final : public Normalizer {
 public:
  void apply(AlignedText& text, AlignedText& scratch, Ends) const override {
    const auto edit = [](TextEditor& editor, char32_t code) {
      if (is_dropped(code)) {
        editor.drop();
      } else {
        editor.replace(U' ');
      }
    };
    const auto is_changed = [](char32_t code) {
      return (code < 0x20 || code >= 0x7F) && (is_dropped(code) || is_space(code));
    };
    rewrite_chars(text, scratch, is_changed, edit);
  }
  bool keeps_cuts(std::u32string& heads) const override { return are_spaces(heads); }

 private:
  static bool is_dropped(char32_t code) {
    if (code > 0x9F) return false;
    return (code >= 1 && code <= 8) || code == 0xB || (code >= 0xE && code <= 0x1F) || code == 0x7F || code == 0x8F ||
           code == 0x9F;
  }
  static bool is_space(char32_t code) {
    if (code < 0x1680) return code == '\t' || code == '\n' || code == '\f' || code == '\r';
    return code == 0x1680 || (code >= 0x200B && code <= 0x200F) || code == 0x2028 || code == 0x2029 ||
           code == kVisibleSpace || code == 0xFEFF || code == 0xFFFD;
  }
};

// GPT-2's alphabet: a printable character for every byte. Those of Latin-1 stand for themselves, the 68 others become
// U+0100 and up.
constexpr std::array<char32_t, 256> make_byte_alphabet() {
  std::array<char32_t, 256> alphabet{};
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool is_printable = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
    alphabet[byte] = is_printable ? byte : next++;
  }
  return alphabet;
}

class ByteLevel final : public Normalizer {
 public:
  void apply(AlignedText& text, AlignedText& scratch, Ends) const override {
    static constexpr std::array<char32_t, 256> kAlphabet = make_byte_alphabet();
    TextEditor editor(text, scratch);
    for (std::uint32_t at = 0; at < text.size_bytes();) {
      const std::uint32_t end = at + text.char_at(at).size_bytes;
      editor.replace(kAlphabet[static_cast<unsigned char>(text.bytes[at])]);
      while (++at < end) editor.insert(kAlphabet[static_cast<unsigned char>(text.bytes[at])]);
    }
    std::swap(text, scratch);
  }
  bool keeps_cuts(std::u32string& heads) const override {
    const bool is_local = are_spaces(heads);
    heads += U"\u0120\u00E2";  // a space, and the first byte of a visible one
    return is_local;
  }
  bool keeps_leading_ascii() const override { return false; }
};

}  // namespace

void to_lower(AlignedText& text, AlignedText& scratch) {
  // What keeps its length is written in place, and origins stay as they are: that's nearly everything.
  bool has_longer = false;
  for (std::uint32_t at = 0; at < text.size_bytes();) {
    const auto lead = static_cast<unsigned char>(text.bytes[at]);
    if (lead < 0x80) {
      if (static_cast<unsigned char>(lead - 'A') < 26) text.bytes[at] = static_cast<char>(lead | 0x20);
      ++at;
      continue;
    }
    const Utf8Char next = text.char_at(at);
    if (const std::uint16_t place = code_properties(next.code).lower; place != 0) {
      const auto lower = code_sequence(place);
      char utf8[4];
      if (lower.size() == 1 && encode_char(lower[0], utf8) == next.size_bytes) {
        text.bytes.replace(at, next.size_bytes, utf8, next.size_bytes);
      } else {
        has_longer = true;
      }
    }
    at += next.size_bytes;
  }
  if (!has_longer) return;
  const auto has_lower = [](char32_t code) { return code_properties(code).lower != 0; };
  rewrite_chars(text, scratch, has_lower, [](TextEditor& editor, char32_t code) {
    const auto lower = code_sequence(code_properties(code).lower);
    editor.replace(lower[0]);
    for (const std::uint32_t part : lower.subspan(1)) editor.insert(part);
  });
}

std::unique_ptr<const Normalizer> make_character_step(const std::string& type) {
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "StripAccents") return std::make_unique<StripAccents>();
  if (type == "Nmt") return std::make_unique<Nmt>();
  return std::make_unique<ByteLevel>();
}

}  // namespace dure
