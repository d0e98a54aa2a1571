// BPE: a word's characters (or bytes), joined pair by pair in the order in which training joined them.
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <optional>
#include <random>
#include <stdexcept>

#include "dure/bpe_merges.h"
#include "dure/model.h"
#include "dure/pre_tokenizer.h"
#include "dure/utf8.h"

namespace dure {
namespace {

struct Settings {
  std::optional<float> dropout;
  std::optional<std::string> unk_token;
  std::optional<std::string> prefix;  // of what follows the first symbol of a word
  std::optional<std::string> suffix;  // of the last symbol of a word
  bool fuse_unk = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
  bool takes_bytes = false;
};

class BpeScratch : public ModelScratch {
 public:
  BpeScratch() {
    static std::atomic<std::uint64_t> count{0};
    merges.random_state = (std::uint64_t{std::random_device{}()} << 32) + count++;
  }
  std::vector<Symbol> symbols;
  std::string key;
  std::vector<std::uint32_t> raw_positions;
  Merges::Scratch merges;
};

// The character that stands for a byte, in UTF-8.
std::string byte_char(char byte) {
  std::string out;
  append_utf8(byte_to_char(static_cast<unsigned char>(byte)), out);
  return out;
}

class Bpe : public Model {
 public:
  Bpe(const Json& json, Settings settings);

  std::unique_ptr<ModelScratch> make_scratch() const override { return std::make_unique<BpeScratch>(); }
  void tokenize(std::string_view word, ModelScratch& scratch, std::vector<Piece>& out) const override;
  Json to_json() const override;
  bool cuts_before(std::string_view space) const override;
  bool is_deterministic() const override { return dropout_ == 0; }

 private:
  // What is unknown so far and hasn't become a symbol yet.
  struct Unknown {
    bool is_open = false;
    std::uint32_t size = 0;
  };
  struct Char {
    std::string_view bytes;
    bool is_first;
    bool is_last;
    std::uint32_t size;  // in units
  };
  using Starts = std::array<std::int32_t, 256>;

  void add_merges(const Json& json);
  void add_merge(std::string_view left, std::string_view right, std::size_t number);
  void fill_starts();
  std::string_view decorate(const Char& c, std::string& key) const;
  std::int32_t whole_word(std::string_view word, std::string& key) const;
  void split(std::string_view word, BpeScratch& scratch) const;
  void add_unknown(const Char& c, Unknown& unknown, BpeScratch& scratch) const;
  bool add_bytes(const Char& c, BpeScratch& scratch) const;
  void emit(std::string_view word, BpeScratch& scratch, std::vector<Piece>& out) const;
  bool drops_nothing() const;

  Settings settings_;
  float dropout_ = 0;
  std::int32_t unk_id_ = -1;
  Merges merges_;
  // Joins may leave a symbol's id as it is (a piece that is nothing but the prefix): then only the queue does what the
  // original's does.
  bool needs_queue_ = false;
  // The symbol of each byte (when words are bytes) or ASCII character; by 1 (not first) + 2 (last).
  std::array<Starts, 4> starts_{};
  std::vector<std::int32_t> byte_ids_;  // of byte fallback
  // Words are bytes, but some byte has no symbol: then sizes count the bytes of the characters that stand for bytes,
  // because what is left out shifts offsets by that much.
  bool counts_chars_ = false;
};

Bpe::Bpe(const Json& json, Settings settings) : settings_(std::move(settings)) {
  dropout_ = settings_.dropout.value_or(0);
  vocabulary_ = read_vocabulary(json);
  if (settings_.unk_token) unk_id_ = vocabulary_.find(*settings_.unk_token);
  if (settings_.byte_fallback) byte_ids_ = byte_token_ids(vocabulary_);
  add_merges(json);
  fill_starts();
}

void Bpe::add_merges(const Json& json) {
  const std::vector<Json>& list = json.array("merges");
  merges_.reserve(list.size());
  std::size_t number = 0;
  for (const Json& item : list) {
    if (item.type == Json::Type::kString) {
      const std::string_view line = item.string;
      if (line.substr(0, 8) == "#version") continue;
      const std::size_t space = line.find(' ');
      if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
        throw JsonError("merge " + std::to_string(number + 1) + " is '" + item.string +
                        "'; it must be two pieces with a space between");
      }
      add_merge(line.substr(0, space), line.substr(space + 1), ++number);
      continue;
    }
    const bool is_pair = item.type == Json::Type::kArray && item.items.size() == 2 &&
                         item.items[0].type == Json::Type::kString && item.items[1].type == Json::Type::kString;
    if (!is_pair) throw JsonError("merge " + std::to_string(number + 1) + " must be a list of two pieces, or a string");
    add_merge(item.items[0].string, item.items[1].string, ++number);
  }
}

void Bpe::add_merge(std::string_view left, std::string_view right, std::size_t number) {
  const auto name = [&] {
    return "merge " + std::to_string(number) + " ('" + std::string(left) + "' and '" + std::string(right) + "')";
  };
  const std::size_t prefix_size = settings_.prefix ? settings_.prefix->size() : 0;
  if (right.size() < prefix_size) {
    throw JsonError(name() + " joins a piece that doesn't begin with the prefix '" + *settings_.prefix + "'");
  }
  const auto id_of = [&](std::string_view piece) {
    const std::int32_t id = vocabulary_.find(piece);
    if (id >= 0) return id;
    throw JsonError(name() + " needs the piece '" + std::string(piece) + "', which is not in the vocabulary");
  };
  const std::int32_t left_id = id_of(left);
  const std::int32_t right_id = id_of(right);
  std::string result(left);
  result += right.substr(prefix_size);
  merges_.add(left_id, right_id, id_of(result));
  needs_queue_ = needs_queue_ || right.size() == prefix_size;
}

void Bpe::fill_starts() {
  std::string key;
  bool is_complete = true;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto value = static_cast<char>(static_cast<unsigned char>(byte));
    const std::string own = settings_.takes_bytes ? byte_char(value) : std::string(1, value);
    for (unsigned where = 0; where < starts_.size(); ++where) {
      const Char c{own, (where & 1U) == 0, (where & 2U) != 0, 1};
      const std::int32_t id = vocabulary_.find(decorate(c, key));
      starts_[where][byte] = id;
      is_complete = is_complete && id >= 0;
    }
  }
  counts_chars_ = settings_.takes_bytes && !is_complete;
}

// A character as the vocabulary writes it, with prefix and suffix.
std::string_view Bpe::decorate(const Char& c, std::string& key) const {
  const bool has_prefix = !c.is_first && settings_.prefix && !settings_.prefix->empty();
  const bool has_suffix = c.is_last && settings_.suffix && !settings_.suffix->empty();
  if (!has_prefix && !has_suffix) return c.bytes;
  key.clear();
  if (has_prefix) key += *settings_.prefix;
  key += c.bytes;
  if (has_suffix) key += *settings_.suffix;
  return key;
}

std::int32_t Bpe::whole_word(std::string_view word, std::string& key) const {
  if (!settings_.takes_bytes || word.size() > vocabulary_.max_size_bytes()) return vocabulary_.find(word);
  key.clear();
  for (const char byte : word) append_utf8(byte_to_char(static_cast<unsigned char>(byte)), key);
  return vocabulary_.find(key);
}

void Bpe::split(std::string_view word, BpeScratch& scratch) const {
  scratch.symbols.clear();
  Unknown unknown;
  for (std::size_t at = 0; at < word.size();) {
    const auto lead = static_cast<unsigned char>(word[at]);
    const bool is_single = settings_.takes_bytes || lead < 0x80;
    const std::size_t wanted = is_single || lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const std::size_t length = std::min(wanted, word.size() - at);
    Char c{word.substr(at, length), at == 0, at + length == word.size(), static_cast<std::uint32_t>(length)};
    at += length;
    std::int32_t id;
    if (is_single) {
      id = starts_[(c.is_first ? 0U : 1U) + (c.is_last ? 2U : 0U)][lead];
      if (counts_chars_ && byte_to_char(lead) >= 0x80) c.size = 2;
    } else {
      id = vocabulary_.find(decorate(c, scratch.key));
    }
    if (id < 0) {
      add_unknown(c, unknown, scratch);
      continue;
    }
    if (unknown.is_open) scratch.symbols.push_back({unk_id_, unknown.size});
    unknown.is_open = false;
    scratch.symbols.push_back({id, c.size});
  }
  if (unknown.is_open) scratch.symbols.push_back({unk_id_, unknown.size});
}

// As in the original: byte tokens don't close what is unknown so far, so it comes after them; and without an unknown
// token a character leaves no trace, so later pieces move up to its place.
void Bpe::add_unknown(const Char& c, Unknown& unknown, BpeScratch& scratch) const {
  if (settings_.byte_fallback && add_bytes(c, scratch)) return;
  if (!settings_.unk_token) return;
  if (unk_id_ < 0) throw_missing_unknown(*settings_.unk_token);
  if (unknown.is_open && settings_.fuse_unk) {
    unknown.size += c.size;
    return;
  }
  if (unknown.is_open) scratch.symbols.push_back({unk_id_, unknown.size});
  unknown = {true, c.size};
}

// The bytes of a character, prefix and suffix included, as tokens; false when one of them is missing.
bool Bpe::add_bytes(const Char& c, BpeScratch& scratch) const {
  const std::string own = settings_.takes_bytes ? byte_char(c.bytes[0]) : std::string(c.bytes);
  const std::string bytes(decorate({own, c.is_first, c.is_last, c.size}, scratch.key));
  const auto id_of = [this](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
  if (!std::all_of(bytes.begin(), bytes.end(), [&](char byte) { return id_of(byte) >= 0; })) return false;
  for (const char byte : bytes) scratch.symbols.push_back({id_of(byte), 1});
  return true;
}

void Bpe::tokenize(std::string_view word, ModelScratch& memory, std::vector<Piece>& out) const {
  auto& scratch = static_cast<BpeScratch&>(memory);
  if (word.empty()) return;
  if (settings_.ignore_merges && dropout_ == 0) {
    const std::int32_t id = whole_word(word, scratch.key);
    if (id >= 0) return out.push_back({id, 0, static_cast<std::uint32_t>(word.size())});
  }
  split(word, scratch);
  if (needs_queue_ || dropout_ > 0) {
    merges_.apply_queue(scratch.symbols, dropout_, scratch.merges);
  } else {
    merges_.apply(scratch.symbols, scratch.merges);
  }
  emit(word, scratch, out);
}

void Bpe::emit(std::string_view word, BpeScratch& scratch, std::vector<Piece>& out) const {
  const auto word_size = static_cast<std::uint32_t>(word.size());
  std::uint32_t at = 0;
  if (!counts_chars_) {
    for (const Symbol& symbol : scratch.symbols) {
      // Byte tokens of a suffix would go past the end.
      out.push_back({symbol.id, std::min(at, word_size), std::min(at + symbol.size, word_size)});
      at += symbol.size;
    }
    return;
  }
  std::vector<std::uint32_t>& raw = scratch.raw_positions;
  raw.clear();
  for (std::uint32_t i = 0; i < word_size; ++i) {
    raw.insert(raw.end(), byte_to_char(static_cast<unsigned char>(word[i])) >= 0x80 ? 2 : 1, i);
  }
  for (const Symbol& symbol : scratch.symbols) {
    const std::uint32_t end = at + symbol.size;
    const std::uint32_t last = raw[std::min<std::size_t>(end, raw.size()) - 1];
    out.push_back({symbol.id, at < raw.size() ? raw[at] : word_size, last + 1});
    at = end;
  }
}

// Whether every character leaves a piece: otherwise pieces behind it stand in a wrong place, which a cut would mend.
bool Bpe::drops_nothing() const {
  if (settings_.takes_bytes && !counts_chars_) return true;
  if (settings_.unk_token && unk_id_ >= 0) return true;
  return settings_.byte_fallback && std::count(byte_ids_.begin(), byte_ids_.end(), -1) == 0;
}

bool Bpe::cuts_before(std::string_view space) const {
  const auto is_empty = [](const std::optional<std::string>& text) { return !text || text->empty(); };
  if (space.empty() || dropout_ > 0 || settings_.ignore_merges || needs_queue_ || counts_chars_) return false;
  if (!is_empty(settings_.prefix) || !is_empty(settings_.suffix) || !drops_nothing()) return false;
  std::string token;
  for (const char byte : space) token += settings_.takes_bytes ? byte_char(byte) : std::string(1, byte);
  // The space ends what is unknown before it, because it's known; and nothing unknown looks like one.
  const std::int32_t space_id = vocabulary_.find(token);
  const auto starts_so = [&token](std::string_view text) { return text.substr(0, token.size()) == token; };
  if (space_id < 0 || (unk_id_ >= 0 && starts_so(vocabulary_.token(unk_id_)))) return false;
  const auto is_run = [&](std::string_view text) {
    while (!text.empty() && starts_so(text)) text.remove_prefix(token.size());
    return text.empty();
  };
  const std::vector<Merges::Entry> all = merges_.sorted();
  return std::none_of(all.begin(), all.end(), [&](const Merges::Entry& entry) {
    return starts_so(vocabulary_.token(entry.right())) && !is_run(vocabulary_.token(entry.left()));
  });
}

Json text_or_null(const std::optional<std::string>& text) { return text ? json_string(*text) : Json{}; }

// The double whose shortest digits are those of the float.
double widen(float value) {
  std::array<char, 32> digits{};
  const auto done = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  double wide = 0;
  std::from_chars(digits.data(), done.ptr, wide);
  return wide;
}

Json Bpe::to_json() const {
  Json json;
  json.type = Json::Type::kObject;
  json.members.emplace_back("type", json_string("BPE"));
  json.members.emplace_back("dropout", settings_.dropout ? json_real(widen(*settings_.dropout)) : Json{});
  json.members.emplace_back("unk_token", text_or_null(settings_.unk_token));
  json.members.emplace_back("continuing_subword_prefix", text_or_null(settings_.prefix));
  json.members.emplace_back("end_of_word_suffix", text_or_null(settings_.suffix));
  json.members.emplace_back("fuse_unk", json_bool(settings_.fuse_unk));
  json.members.emplace_back("byte_fallback", json_bool(settings_.byte_fallback));
  json.members.emplace_back("ignore_merges", json_bool(settings_.ignore_merges));
  json.members.emplace_back("vocab", vocabulary_to_json(vocabulary_));
  Json& list = json.members.emplace_back("merges", Json{}).second;
  list.type = Json::Type::kArray;
  for (const Merges::Entry& entry : merges_.sorted()) {
    Json& pair = list.items.emplace_back();
    pair.type = Json::Type::kArray;
    pair.items.push_back(json_string(std::string(vocabulary_.token(entry.left()))));
    pair.items.push_back(json_string(std::string(vocabulary_.token(entry.right()))));
  }
  return json;
}

std::optional<std::string> optional_text(const Json& json, const char* key) {
  const Json* found = json.find(key);
  if (found == nullptr || found->is_null()) return std::nullopt;
  return json.text(key);
}

std::optional<float> read_dropout(const Json& json) {
  const Json* found = json.find("dropout");
  if (found == nullptr || found->is_null()) return std::nullopt;
  if (!found->is_number()) throw JsonError("'dropout' must be a number from 0 to 1, or null");
  const double dropout = found->as_real();
  if (dropout >= 0 && dropout <= 1) return static_cast<float>(dropout);
  throw JsonError("'dropout' is " + std::to_string(dropout) + "; it must be from 0 to 1");
}

}  // namespace

std::unique_ptr<const Model> make_bpe(const Json& json, ModelOptions options) {
  Settings settings;
  settings.dropout = read_dropout(json);
  settings.unk_token = optional_text(json, "unk_token");
  settings.prefix = optional_text(json, "continuing_subword_prefix");
  settings.suffix = optional_text(json, "end_of_word_suffix");
  settings.fuse_unk = json.flag_or("fuse_unk", false);
  settings.byte_fallback = json.flag_or("byte_fallback", false);
  settings.ignore_merges = json.flag_or("ignore_merges", false);
  settings.takes_bytes = options.takes_bytes;
  return std::make_unique<const Bpe>(json, std::move(settings));
}

}  // namespace dure
