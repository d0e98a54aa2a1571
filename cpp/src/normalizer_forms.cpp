// The normal forms of Unicode Standard Annex #15: NFD, NFC, NFKD and NFKC. Only stretches that a form may change are
// taken apart; in most texts there are none.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "dure/normalizer.h"
#include "dure/unicode.h"

namespace dure {
namespace {

// A character on its way. `change` is in the terms of TextEditor::change: what a character decomposes to takes its
// place (0) and adds to it (1), and is sorted and composed together with that. So the original finds origins.
struct Part {
  char32_t code;
  int change;
  std::uint8_t combining;
};

void append_parts(char32_t code, bool is_compatible, std::vector<Part>& parts) {
  const std::size_t first = parts.size();
  const auto append = [&](char32_t part) {
    parts.push_back({part, parts.size() == first ? 0 : 1, combining_class(part)});
  };
  if (is_hangul_syllable(code)) {
    const char32_t index = code - 0xAC00;
    append(0x1100 + index / 588);
    append(0x1161 + index / 28 % 21);
    if (index % 28 != 0) append(0x11A7 + index % 28);
    return;
  }
  const CodeProperties& properties = code_properties(code);
  const std::uint16_t place = is_compatible ? properties.compatible : properties.canonical;
  if (place == 0) {
    append(code);
  } else {
    for (const std::uint32_t part : code_sequence(place)) append(part);
  }
}

// Sorts runs of combining characters by class, stably (The Unicode Standard, section 3.11, D109).
void order(std::vector<Part>& parts) {
  const auto is_before = [](const Part& left, const Part& right) { return left.combining < right.combining; };
  for (auto begin = parts.begin(); begin != parts.end();) {
    auto end = begin + 1;
    if (begin->combining != 0) {
      end = std::find_if(begin, parts.end(), [](const Part& part) { return part.combining == 0; });
      if (!std::is_sorted(begin, end, is_before)) std::stable_sort(begin, end, is_before);
    }
    begin = end;
  }
}

// Canonical composition (section 3.11, D117), in place. A composed character takes the places of both.
void compose_parts(std::vector<Part>& parts) {
  std::size_t size = 0;
  std::optional<std::size_t> starter;
  int last_class = -1;  // of what stands between the starter and the next part; -1: nothing does
  for (const Part& part : parts) {
    const bool is_blocked = last_class >= part.combining;
    const char32_t whole = starter && !is_blocked ? compose(parts[*starter].code, part.code) : 0;
    if (whole != 0) {
      parts[*starter].code = whole;
      parts[*starter].change += part.change - 1;
      continue;
    }
    if (part.combining == 0) {
      starter = size;
      last_class = -1;
    } else if (starter) {
      last_class = part.combining;
    }
    parts[size++] = part;
  }
  parts.resize(size);
}

class FormWriter {
 public:
  FormWriter(NormalForm form, AlignedText& text, AlignedText& scratch)
      : is_composing_(form == NormalForm::kNfc || form == NormalForm::kNfkc),
        is_compatible_(form == NormalForm::kNfkc || form == NormalForm::kNfkd),
        text_(text),
        scratch_(scratch) {}

  void run() {
    std::optional<TextEditor> editor;
    const std::uint32_t size = text_.size_bytes();
    for (std::uint32_t at = 0; at < size;) {
      // A stretch begins with the last inert character, to which the next may be added, and ends before an inert one.
      std::uint32_t begin = at;
      for (Utf8Char next{}; at < size && is_inert((next = text_.char_at(at)).code); at += next.size_bytes) begin = at;
      if (at == size) break;
      if (!is_composing_) begin = at;
      for (Utf8Char next{}; at < size && !is_inert((next = text_.char_at(at)).code);) at += next.size_bytes;
      if (!editor) editor.emplace(text_, scratch_);
      editor->keep_until(begin);
      write(begin, at, *editor);
    }
    if (!editor) return;
    editor->keep_rest();
    std::swap(text_, scratch_);
  }

 private:
  // True for characters that the form keeps and that nothing before them can change or pass.
  bool is_inert(char32_t code) const {
    if (code < 0xC0) {
      if (code < 0xA0 || !is_compatible_) return true;
    }
    const CodeProperties& properties = code_properties(code);
    if (properties.combining != 0) return false;
    if (is_composing_) {
      const unsigned changes = is_compatible_ ? kChangesNfkc : kChangesNfc;
      return (properties.forms & (changes | kFollows)) == 0;
    }
    return (is_compatible_ ? properties.compatible : properties.canonical) == 0 && !is_hangul_syllable(code);
  }

  void write(std::uint32_t begin_bytes, std::uint32_t end_bytes, TextEditor& editor) {
    parts_.clear();
    for (std::uint32_t at = begin_bytes; at < end_bytes;) {
      const Utf8Char next = text_.char_at(at);
      append_parts(next.code, is_compatible_, parts_);
      at += next.size_bytes;
    }
    order(parts_);
    if (is_composing_) compose_parts(parts_);
    for (const Part& part : parts_) editor.change(part.code, part.change);
    editor.drop_until(end_bytes);
  }

  const bool is_composing_;
  const bool is_compatible_;
  AlignedText& text_;
  AlignedText& scratch_;
  std::vector<Part> parts_;
};

class UnicodeFormNormalizer final : public Normalizer {
 public:
  explicit UnicodeFormNormalizer(NormalForm form) : form_(form) {}

  void apply(AlignedText& text, AlignedText& scratch, Ends) const override { to_normal_form(form_, text, scratch); }
  bool keeps_cuts(std::u32string& heads) const override { return are_spaces(heads); }

 private:
  NormalForm form_;
};

}  // namespace

void to_normal_form(NormalForm form, AlignedText& text, AlignedText& scratch) {
  if (!is_ascii(text.bytes)) FormWriter(form, text, scratch).run();
}

std::unique_ptr<const Normalizer> make_unicode_form(const std::string& type) {
  if (type == "NFC") return std::make_unique<UnicodeFormNormalizer>(NormalForm::kNfc);
  if (type == "NFD") return std::make_unique<UnicodeFormNormalizer>(NormalForm::kNfd);
  if (type == "NFKC") return std::make_unique<UnicodeFormNormalizer>(NormalForm::kNfkc);
  return std::make_unique<UnicodeFormNormalizer>(NormalForm::kNfkd);
}

}  // namespace dure
