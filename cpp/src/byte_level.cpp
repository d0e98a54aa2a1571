// ByteLevel: words as characters that stand for bytes, so that a vocabulary of 256 characters can spell any text.
#include <array>

#include "dure/pre_tokenizer.h"
#include "dure/utf8.h"

namespace dure {
namespace {

// Visible characters of Latin-1 stand for themselves.
constexpr bool is_itself(unsigned byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<char32_t, 256> make_chars() {
  std::array<char32_t, 256> chars{};
  char32_t next = 256;
  for (unsigned byte = 0; byte < 256; ++byte) chars[byte] = is_itself(byte) ? byte : next++;
  return chars;
}

constexpr std::array<char32_t, 256> kChars = make_chars();
// The characters in UTF-8; all are of one byte or two.
struct Spelling {
  std::uint32_t size_bytes;
  char bytes[2];
};

constexpr std::array<Spelling, 256> make_spellings() {
  std::array<Spelling, 256> spellings{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char32_t code = kChars[byte];
    const bool is_short = code < 0x80;
    spellings[byte].size_bytes = is_short ? 1 : 2;
    spellings[byte].bytes[0] = static_cast<char>(is_short ? code : 0xC0 | (code >> 6));
    spellings[byte].bytes[1] = static_cast<char>(is_short ? 0 : 0x80 | (code & 0x3F));
  }
  return spellings;
}

constexpr std::array<Spelling, 256> kSpellings = make_spellings();

constexpr char32_t kNumCodes = 256 + 68;  // 68 bytes don't stand for themselves

constexpr std::array<std::int16_t, kNumCodes> make_bytes() {
  std::array<std::int16_t, kNumCodes> bytes{};
  for (std::int16_t& byte : bytes) byte = -1;
  for (unsigned byte = 0; byte < 256; ++byte) bytes[kChars[byte]] = static_cast<std::int16_t>(byte);
  return bytes;
}

constexpr std::array<std::int16_t, kNumCodes> kBytes = make_bytes();

constexpr const char* kGpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class ByteLevel final : public PreTokenizer {
 public:
  ByteLevel(bool adds_space, bool uses_regex, bool keeps_bytes) : adds_space_(adds_space), keeps_bytes_(keeps_bytes) {
    if (uses_regex) split_ = make_split(make_regex(kGpt2Pattern), SplitBehavior::kIsolated, false);
  }

  void apply(Words& words, Words& scratch, Ends ends) const override {
    if (adds_space_ && lacks_space(words)) add_spaces(words, scratch);
    if (split_ != nullptr) split_->apply(words, scratch, ends);
    if (!keeps_bytes_) spell(words, scratch);
  }

  bool is_local() const override { return split_ != nullptr; }

 private:
  static bool lacks_space(const Words& words) {
    for (const Range word : words.ranges) {
      if (word.begin_bytes < word.end_bytes && words.text.bytes[word.begin_bytes] != ' ') return true;
    }
    return false;
  }

  static void start_over(const Words& words, Words& scratch) {
    scratch.clear();
    scratch.text.is_tracked = words.text.is_tracked;
  }

  static void take_over(Words& words, Words& scratch) {
    std::swap(words.text, scratch.text);
    words.ranges.swap(scratch.ranges);
  }

  // A space before each word that has none; its place is that of the word's first character.
  static void add_spaces(Words& words, Words& scratch) {
    start_over(words, scratch);
    const AlignedText& from = words.text;
    AlignedText& to = scratch.text;
    for (const Range word : words.ranges) {
      if (word.begin_bytes == word.end_bytes) continue;
      const std::uint32_t begin_bytes = to.size_bytes();
      const bool is_missing = from.bytes[word.begin_bytes] != ' ';
      if (is_missing) to.bytes.push_back(' ');
      to.bytes += from.view(word);
      if (to.is_tracked) {
        if (is_missing) to.origins.push_back(from.origins[word.begin_bytes]);
        to.origins.insert(to.origins.end(), from.origins.begin() + word.begin_bytes,
                          from.origins.begin() + word.end_bytes);
      }
      scratch.ranges.push_back({begin_bytes, to.size_bytes()});
    }
    take_over(words, scratch);
  }

  // Each byte as the character that stands for it; its place is that of the character it's part of.
  static void spell(Words& words, Words& scratch) {
    start_over(words, scratch);
    AlignedText& to = scratch.text;
    to.bytes.resize(words.text.bytes.size() * 2);
    std::uint32_t size_bytes = 0;
    for (const Range word : words.ranges) {
      const std::uint32_t begin_bytes = size_bytes;
      for (std::uint32_t at = word.begin_bytes; at < word.end_bytes; ++at) {
        const Spelling spelling = kSpellings[static_cast<unsigned char>(words.text.bytes[at])];
        to.bytes[size_bytes] = spelling.bytes[0];
        if (spelling.size_bytes == 2) to.bytes[size_bytes + 1] = spelling.bytes[1];
        size_bytes += spelling.size_bytes;
        if (to.is_tracked) to.origins.insert(to.origins.end(), spelling.size_bytes, words.text.origins[at]);
      }
      scratch.ranges.push_back({begin_bytes, size_bytes});
    }
    to.bytes.resize(size_bytes);
    take_over(words, scratch);
  }

  std::unique_ptr<const PreTokenizer> split_;
  bool adds_space_;
  bool keeps_bytes_;
};

}  // namespace

char32_t byte_to_char(unsigned char byte) { return kChars[byte]; }

int char_to_byte(char32_t code) { return code < kNumCodes ? kBytes[code] : -1; }

bool to_bytes(std::string_view token, std::string& out) {
  std::vector<char32_t> codes;
  decode_utf8(token, codes);
  std::string bytes;
  for (const char32_t code : codes) {
    const int byte = char_to_byte(code);
    if (byte < 0) return false;
    bytes.push_back(static_cast<char>(byte));
  }
  out = std::move(bytes);
  return true;
}

std::unique_ptr<const PreTokenizer> make_byte_level(const Json& json, bool keeps_bytes) {
  const bool adds_space = json.flag_or("add_prefix_space", true);
  return std::make_unique<ByteLevel>(adds_space, json.flag_or("use_regex", true), keeps_bytes);
}

}  // namespace dure
