// Precompiled: the normalization that a SentencePiece model brings along, as the `tokenizers` library applies it.
//
// The charsmap is a double array (Darts) from byte strings to places in a text, where replacements end with NUL. The
// original looks up grapheme clusters of less than 6 bytes first, then characters, and takes the shortest key that a
// cluster begins with: a key may swallow what follows in its cluster. SentencePiece itself takes the longest key at each
// place; `"longest_match": true`, which the original reads over, asks for that.
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "dure/normalizer.h"
#include "dure/unicode.h"

namespace dure {
namespace {

constexpr std::size_t kMaxClusterBytes = 5;

[[noreturn]] void refuse(const std::string& reason) {
  throw JsonError("the \"precompiled_charsmap\" of a Precompiled normalizer " + reason +
                  "; it must be the base64 text of a SentencePiece model's charsmap");
}

int base64_digit(char letter) {
  if (letter >= 'A' && letter <= 'Z') return letter - 'A';
  if (letter >= 'a' && letter <= 'z') return letter - 'a' + 26;
  if (letter >= '0' && letter <= '9') return letter - '0' + 52;
  if (letter == '+') return 62;
  return letter == '/' ? 63 : -1;
}

std::string from_base64(const std::string& text) {
  if (text.size() % 4 != 0) refuse("has " + std::to_string(text.size()) + " characters, not a multiple of 4");
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::size_t size = text.size();
  while (size > 0 && text.size() - size < 2 && text[size - 1] == '=') --size;
  std::uint32_t bits = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int digit = at < size ? base64_digit(text[at]) : 0;
    if (digit < 0) refuse("has a character at " + std::to_string(at) + " that isn't base64");
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    if (at % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) bytes.push_back(static_cast<char>((bits >> shift) & 0xFFU));
    bits = 0;
  }
  bytes.resize(bytes.size() - (text.size() - size));
  return bytes;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Char next = decode_char(text, at);
    if (next.size_bytes == 1 && static_cast<unsigned char>(text[at]) >= 0x80) return false;
    at += next.size_bytes;
  }
  return true;
}

class Charsmap {
 public:
  explicit Charsmap(const std::string& base64) {
    const std::string bytes = from_base64(base64);
    if (bytes.size() < 4) refuse("has " + std::to_string(bytes.size()) + " bytes");
    const std::uint32_t num_units = read_u32(bytes, 0) / 4;
    if ((bytes.size() - 4) / 4 < num_units) refuse("is cut off within its " + std::to_string(num_units) + " units");
    units_.reserve(num_units);
    for (std::uint32_t i = 0; i < num_units; ++i) units_.push_back(read_u32(bytes, 4 + 4 * std::size_t{i}));
    replacements_ = bytes.substr(4 + 4 * std::size_t{num_units});
    if (!is_utf8(replacements_)) refuse("has replacements that aren't UTF-8");
  }

  // What replaces the shortest key that `text` begins with.
  std::optional<std::string_view> find(std::string_view text) const {
    std::optional<std::uint32_t> value;
    walk(text, value);
    return value ? replacement(*value) : std::nullopt;
  }

  // The longest key that `text` begins with: its size, and what replaces it. Size 0: none.
  std::pair<std::size_t, std::string_view> find_longest(std::string_view text) const {
    std::pair<std::size_t, std::string_view> found{0, {}};
    if (units_.empty()) return found;
    std::uint32_t node = offset(units_[0]);
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (!enter(node, static_cast<unsigned char>(text[at]))) break;
      const std::uint32_t unit = units_[node];
      node ^= offset(unit);
      const bool is_whole = at + 1 == text.size() || !is_continuation(text[at + 1]);
      if ((unit & 0x100U) == 0 || node >= units_.size() || !is_whole) continue;
      if (const auto after = replacement(units_[node] & 0x7FFFFFFFU)) found = {at + 1, *after};
    }
    return found;
  }

  // True when a key goes on with one of `bytes` behind its first character.
  bool goes_on_with(std::string_view bytes) const {
    for (std::uint32_t byte = 1; byte < 0x100 && !units_.empty(); ++byte) {
      std::uint32_t node = offset(units_[0]);
      if (enter(node, static_cast<unsigned char>(byte)) && is_below(node ^ offset(units_[node]), bytes, 1)) return true;
    }
    return false;
  }

  // True when a key begins with `text`.
  bool has_keys(std::string_view text) const {
    std::optional<std::uint32_t> value;
    return walk(text, value) || value;
  }

 private:
  static std::uint32_t read_u32(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
    return value;
  }

  static std::uint32_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & (1U << 9)) >> 6); }

  // Goes from a base to the child for `byte`.
  bool enter(std::uint32_t& node, unsigned char byte) const {
    node ^= byte;
    return byte != 0 && node < units_.size() && (units_[node] & 0x800000FFU) == byte;
  }

  // Whether one of `bytes` is a way below a base. No key of a sensible table is longer than a few characters.
  bool is_below(std::uint32_t base, std::string_view bytes, int depth) const {
    constexpr int kMaxDepth = 64;
    if (depth > kMaxDepth) return true;
    for (const char byte : bytes) {
      std::uint32_t node = base;
      if (enter(node, static_cast<unsigned char>(byte))) return true;
    }
    for (std::uint32_t byte = 1; byte < 0x100; ++byte) {
      std::uint32_t node = base;
      if (!enter(node, static_cast<unsigned char>(byte))) continue;
      if (is_below(node ^ offset(units_[node]), bytes, depth + 1)) return true;
    }
    return false;
  }

  // Follows `text` from the root up to the first value; true when there was a way for all of it.
  bool walk(std::string_view text, std::optional<std::uint32_t>& value) const {
    if (units_.empty()) return false;
    std::uint32_t node = offset(units_[0]);
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      node ^= byte;
      if (byte == 0 || node >= units_.size()) return false;
      const std::uint32_t unit = units_[node];
      if ((unit & 0x800000FFU) != byte) return false;
      node ^= offset(unit);
      if ((unit & 0x100U) == 0) continue;
      if (node < units_.size()) value = units_[node] & 0x7FFFFFFFU;
      return false;
    }
    return true;
  }

  std::optional<std::string_view> replacement(std::uint32_t at) const {
    if (at > replacements_.size() || (at < replacements_.size() && is_continuation(replacements_[at]))) return {};
    const std::string_view rest = std::string_view(replacements_).substr(at);
    return rest.substr(0, rest.find('\0'));
  }

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

// Hands changes to an editor, each when the next is known: what is dropped behind a character is told with it. What is
// dropped before the first character is never told, and all origins behind it are late by as much: a trap of the
// original.
class Changes {
 public:
  Changes(const AlignedText& from, AlignedText& to) : from_(from), editor_(from, to) {}

  // Keeps all from `begin` to `end` as it is; `last` is where the last character of it begins.
  void keep(std::uint32_t begin, std::uint32_t last, std::uint32_t end) {
    if (begin == end) return;
    if (!is_late_) {
      flush();
      editor_.keep_until(last);
      begin = last;
    }
    for (; begin < end; begin += from_.char_at(begin).size_bytes) add(from_.char_at(begin).code, 0);
  }
  void add(char32_t code, int change) {
    flush();
    pending_ = code;
    change_ = change;
  }
  void drop(int num_chars) {
    if (pending_) {
      change_ -= num_chars;
    } else {
      is_late_ = true;
    }
  }
  void flush() {
    if (pending_) editor_.change(*pending_, change_);
    pending_.reset();
  }

 private:
  const AlignedText& from_;
  TextEditor editor_;
  std::optional<char32_t> pending_;
  int change_ = 0;
  bool is_late_ = false;
};

class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(const Json& json) : charsmap_(json.text("precompiled_charsmap")) {
    for (std::size_t code = 0; code < is_quiet_.size(); ++code) {
      is_quiet_[code] = code != '\r' && !charsmap_.find(std::string(1, static_cast<char>(code)));
    }
    is_local_ = keeps_plain() && keeps_spaces_and_neighbours();
  }

  void apply(AlignedText& text, AlignedText& scratch, Ends) const override {
    Found found = find_change(text.bytes, 0);
    if (found.begin_bytes == text.size_bytes()) return;
    Changes changes(text, scratch);
    std::uint32_t at = 0;
    while (true) {
      changes.keep(at, found.last_bytes, found.begin_bytes);
      if (found.begin_bytes == text.size_bytes()) break;
      add_cluster(text.view({found.begin_bytes, found.end_bytes}), changes);
      at = found.end_bytes;
      found = find_change(text.bytes, at);
    }
    changes.flush();
    std::swap(text, scratch);
  }

  bool keeps_cuts(std::u32string& heads) const override { return is_local_ && are_spaces(heads); }

  bool has_local_origins(std::string_view text) const override {
    if (text.empty()) return true;
    const std::string_view cluster = text.substr(0, grapheme_end(text, 0));
    const std::optional<std::string_view> found =
        cluster.size() <= kMaxClusterBytes ? charsmap_.find(cluster) : charsmap_.find(first_char(cluster));
    return !found || !found->empty();
  }
  bool may_shift_origins() const override { return true; }
  bool keeps_leading_ascii() const override { return false; }

 private:
  static std::string_view first_char(std::string_view text) { return text.substr(0, decode_char(text, 0).size_bytes); }

  bool has_keys(char32_t code) const {
    std::string utf8;
    append_utf8(code, utf8);
    return charsmap_.has_keys(utf8);
  }

  // Plain characters, alone in their cluster, must leave something to see right before a cut, accents apart.
  bool keeps_plain() const {
    std::string utf8;
    for (char32_t code = 0x21; code < 0xD7A4; ++code) {
      if (!is_plain(code)) continue;
      utf8.clear();
      append_utf8(code, utf8);
      const std::optional<std::string_view> found = charsmap_.find(utf8);
      if (!found) continue;
      std::string_view rest = *found;
      while (!rest.empty() && (code_properties(decode_last(rest).code).forms & kAnyMark) != 0) {
        rest.remove_suffix(decode_last(rest).size_bytes);
      }
      if (rest.empty() || (unicode_flags(decode_last(rest).code) & (kSpace | kControl)) != 0) return false;
    }
    return true;
  }

  // Spaces must stay, also visible ones (which may become true ones), and nothing may swallow a plain character or a
  // space that it joins in a cluster.
  bool keeps_spaces_and_neighbours() const {
    for (const std::string_view space : {" ", "\u2581"}) {
      const std::optional<std::string_view> found = charsmap_.find(space);
      if (found ? *found != " " && *found != space : charsmap_.has_keys(space)) return false;
    }
    for (char32_t code = 0x600; code < 0x12000; ++code) {
      if (grapheme_kind(code) == Grapheme::kPrepend && has_keys(code)) return false;
    }
    return true;
  }

  // A cluster in which something is replaced, and where the character before it begins.
  struct Found {
    std::uint32_t last_bytes;
    std::uint32_t begin_bytes;
    std::uint32_t end_bytes;
  };

  // The first such cluster from `from` on, where one begins; an empty one at the end of the text if there's none.
  Found find_change(std::string_view text, std::uint32_t from) const {
    const auto size = static_cast<std::uint32_t>(text.size());
    std::uint32_t last = from;
    std::uint32_t at = from;
    while (at < size) {
      const auto lead = static_cast<unsigned char>(text[at]);
      const bool is_alone = at + 1 >= size || static_cast<unsigned char>(text[at + 1]) < 0x80;
      if (lead < 0x80 && is_alone && is_quiet_[lead]) {
        last = at++;
        continue;
      }
      const std::uint32_t end = grapheme_end(text, at);
      if (is_changed(text.substr(at, end - at))) return {last, at, end};
      last = end - decode_last(text.substr(at, end - at)).size_bytes;
      at = end;
    }
    return {last, size, size};
  }

  bool is_changed(std::string_view cluster) const {
    if (cluster.size() <= kMaxClusterBytes && charsmap_.find(cluster)) return true;
    if (first_char(cluster).size() == cluster.size()) return false;
    for (; !cluster.empty(); cluster.remove_prefix(first_char(cluster).size())) {
      if (charsmap_.find(first_char(cluster))) return true;
    }
    return false;
  }

  void add_cluster(std::string_view cluster, Changes& changes) const {
    if (cluster.size() <= kMaxClusterBytes) {
      if (const std::optional<std::string_view> found = charsmap_.find(cluster)) {
        replace(cluster, *found, changes);
        return;
      }
    }
    while (!cluster.empty()) {
      const std::string_view part = first_char(cluster);
      if (const std::optional<std::string_view> found = charsmap_.find(part)) {
        replace(part, *found, changes);
      } else {
        changes.add(decode_char(part, 0).code, 0);
      }
      cluster.remove_prefix(part.size());
    }
  }

  static void replace(std::string_view before, std::string_view after, Changes& changes) {
    const auto num_before = static_cast<int>(count_chars(before));
    const auto num_after = static_cast<int>(count_chars(after));
    for (int i = 0; !after.empty(); ++i) {
      changes.add(decode_char(after, 0).code, i < num_before ? 0 : 1);
      after.remove_prefix(first_char(after).size());
    }
    if (num_after < num_before) changes.drop(num_before - num_after);
  }

  Charsmap charsmap_;
  std::array<bool, 0x80> is_quiet_{};  // isn't a key, and joins no ASCII character behind it
  bool is_local_ = false;

  friend class LongestPrecompiled;
};

// The longest key at each place, as SentencePiece itself has it.
class LongestPrecompiled final : public Normalizer {
 public:
  explicit LongestPrecompiled(const Json& json) : shortest_(json), charsmap_(shortest_.charsmap_) {
    // A visible space has three bytes, of which the first is that of others too.
    is_local_ = shortest_.is_local_ && !charsmap_.has_keys(" ") && !charsmap_.has_keys("\u2581") &&
                !charsmap_.goes_on_with(" ");
    for (std::size_t code = 0; code < may_begin_.size(); ++code) {
      may_begin_[code] = charsmap_.has_keys(std::string(1, static_cast<char>(code)));
    }
  }

  void apply(AlignedText& text, AlignedText& scratch, Ends) const override {
    const auto size = static_cast<std::uint32_t>(text.size_bytes());
    Found found = find(text.bytes, 0, 0);
    if (found.begin_bytes == size) return;
    Changes changes(text, scratch);
    std::uint32_t at = 0;
    while (true) {
      changes.keep(at, found.last_bytes, found.begin_bytes);
      if (found.begin_bytes == size) break;
      at = found.begin_bytes + found.size_bytes;
      Precompiled::replace(text.view({found.begin_bytes, at}), found.after, changes);
      found = find(text.bytes, at, at);
    }
    changes.flush();
    std::swap(text, scratch);
  }

  bool keeps_cuts(std::u32string& heads) const override { return is_local_ && are_spaces(heads); }
  bool may_shift_origins() const override { return true; }
  bool has_local_origins(std::string_view text) const override {
    const auto [size, after] = charsmap_.find_longest(text);
    return size == 0 || !after.empty();
  }
  bool keeps_leading_ascii() const override { return false; }

 private:
  // A key, and where the character before it begins.
  struct Found {
    std::uint32_t last_bytes;
    std::uint32_t begin_bytes;
    std::uint32_t size_bytes;
    std::string_view after;
  };

  Found find(std::string_view text, std::uint32_t at, std::uint32_t last) const {
    const auto size = static_cast<std::uint32_t>(text.size());
    while (at < size) {
      const auto lead = static_cast<unsigned char>(text[at]);
      if (lead >= 0x80 || may_begin_[lead]) {
        const auto [key_bytes, after] = charsmap_.find_longest(text.substr(at));
        if (key_bytes != 0) return {last, at, static_cast<std::uint32_t>(key_bytes), after};
      }
      last = at;
      at += decode_char(text, at).size_bytes;
    }
    return {last, size, 0, {}};
  }

  Precompiled shortest_;
  const Charsmap& charsmap_;
  std::array<bool, 0x80> may_begin_{};
  bool is_local_ = false;
};

}  // namespace

std::unique_ptr<const Normalizer> make_precompiled(const Json& json) {
  if (json.flag_or("longest_match", false)) return std::make_unique<LongestPrecompiled>(json);
  return std::make_unique<Precompiled>(json);
}

}  // namespace dure
