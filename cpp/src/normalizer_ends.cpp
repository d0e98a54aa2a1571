// Steps that act at the ends of a text: Strip and Prepend.
#include "dure/normalizer.h"
#include "dure/unicode.h"

namespace dure {
namespace {

bool is_space(char32_t code) { return (unicode_flags(code) & kSpace) != 0; }

class Strip final : public Normalizer {
 public:
  Strip(bool at_head, bool at_tail) : at_head_(at_head), at_tail_(at_tail) {}

  void apply(AlignedText& text, AlignedText&, Ends ends) const override {
    std::size_t begin = 0;
    std::size_t end = text.bytes.size();
    if (at_head_ && ends.is_head) {
      for (Utf8Char next{}; begin < end && is_space((next = decode_char(text.bytes, begin)).code);) {
        begin += next.size_bytes;
      }
    }
    if (at_tail_ && ends.is_tail) {
      const std::string_view bytes = text.bytes;
      for (Utf8Char last{}; end > begin && is_space((last = decode_last(bytes.substr(0, end))).code);) {
        end -= last.size_bytes;
      }
    }
    text.bytes.erase(end);
    text.bytes.erase(0, begin);
    if (!text.is_tracked) return;
    text.origins.resize(end);
    text.origins.erase(text.origins.begin(), text.origins.begin() + static_cast<std::ptrdiff_t>(begin));
  }
  bool keeps_cuts(std::u32string& heads) const override { return are_spaces(heads); }
  bool sees_ends() const override { return at_head_ || at_tail_; }

 private:
  bool at_head_;
  bool at_tail_;
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string text) : text_(std::move(text)) {}

  void apply(AlignedText& text, AlignedText& scratch, Ends ends) const override {
    if (!ends.is_head || text.bytes.empty()) return;
    TextEditor editor(text, scratch);
    editor.prepend(text_);
    editor.keep_rest();
    std::swap(text, scratch);
  }
  bool keeps_cuts(std::u32string&) const override { return true; }
  bool sees_ends() const override { return true; }
  bool keeps_leading_ascii() const override { return text_.empty() || (text_[0] >= ' ' && text_[0] < 0x7F); }

 private:
  std::string text_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_strip(const Json& json) {
  const auto flag = [&json](std::string_view key) {
    json.at(key);  // both are required
    return json.flag_or(key, false);
  };
  return std::make_unique<Strip>(flag("strip_left"), flag("strip_right"));
}

std::unique_ptr<const Normalizer> make_prepend(const Json& json) {
  return std::make_unique<Prepend>(json.text("prepend"));
}

}  // namespace dure
