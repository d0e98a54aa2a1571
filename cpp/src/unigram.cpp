// Unigram: the pieces whose scores (log probabilities) add up to the most, found by Viterbi's algorithm over a trie.
// Kudo, "Subword Regularization" (2018), section 3.2. Sums are made in the original's order, so that ties and roundings
// fall as they fall there.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>

#include "dure/model.h"
#include "dure/trie.h"

namespace dure {
namespace {

constexpr double kUnknownPenalty = 10;
constexpr std::uint32_t kUnreached = UINT32_MAX;

// The best way to a place of the word: the sum of its scores, and its last piece.
struct Arrival {
  double score;
  std::int32_t id;
  std::uint32_t begin;
};

class UnigramScratch : public ModelScratch {
 public:
  std::vector<Arrival> arrivals;
  std::vector<Piece> backwards;
};

class Unigram : public Model {
 public:
  explicit Unigram(const Json& json);

  std::unique_ptr<ModelScratch> make_scratch() const override { return std::make_unique<UnigramScratch>(); }
  void tokenize(std::string_view word, ModelScratch& scratch, std::vector<Piece>& out) const override;
  Json to_json() const override;
  // `cuts_before` stays false: a sum over the whole text is rounded otherwise than sums over its parts, so that ways
  // that differ only in the order of their pieces ("aa a", "a aa") could tie in one and not in the other.
  std::int32_t surface_id() const override { return unk_id_; }

 private:
  void add_piece(const Json& item, std::size_t number);
  void find_ways(std::string_view word, std::vector<Arrival>& arrivals) const;
  void add_unknown(std::string_view word, Piece piece, std::vector<Piece>& out) const;

  std::vector<double> scores_;  // by id
  std::int32_t unk_id_ = -1;
  double unk_score_ = 0;
  bool byte_fallback_ = false;
  std::vector<std::int32_t> byte_ids_;
  Trie trie_;
};

// A score as it stands in the file, or as a string of digits: that one is read to the nearest double.
std::optional<double> read_score(const Json& json) {
  if (json.is_number()) return json.as_real();
  if (json.type != Json::Type::kString) return std::nullopt;
  double score = 0;
  const char* end = json.string.data() + json.string.size();
  const auto done = std::from_chars(json.string.data(), end, score);
  return done.ec == std::errc{} && done.ptr == end ? std::optional(score) : std::nullopt;
}

Unigram::Unigram(const Json& json) : byte_fallback_(json.flag_or("byte_fallback", false)) {
  const std::vector<Json>& list = json.array("vocab");
  std::size_t size_bytes = 0;
  for (const Json& item : list) size_bytes += item.items.empty() ? 0 : item.items[0].string.size();
  vocabulary_.reserve(list.size(), size_bytes);
  scores_.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) add_piece(list[i], i);
  if (const Json* unk = json.find("unk_id"); unk != nullptr && !unk->is_null()) {
    const std::int64_t id = json.number("unk_id");
    if (list.empty()) throw JsonError("the vocabulary is empty; it needs at least the unknown piece of 'unk_id'");
    if (id < 0 || id >= static_cast<std::int64_t>(list.size())) {
      throw JsonError("'unk_id' is " + std::to_string(id) + "; the vocabulary has ids from 0 to " +
                      std::to_string(list.size() - 1));
    }
    unk_id_ = static_cast<std::int32_t>(id);
  }
  const auto lowest = std::min_element(scores_.begin(), scores_.end());
  unk_score_ = (lowest == scores_.end() ? std::numeric_limits<double>::infinity() : *lowest) - kUnknownPenalty;
  if (byte_fallback_) byte_ids_ = byte_token_ids(vocabulary_);
  trie_.build(vocabulary_.sorted());
}

void Unigram::add_piece(const Json& item, std::size_t number) {
  if (item.items.size() != 2 || item.items[0].type != Json::Type::kString) {
    throw JsonError("piece " + std::to_string(number) + " of 'vocab' must be a list of a piece and its score");
  }
  const std::string& piece = item.items[0].string;
  const std::optional<double> score = read_score(item.items[1]);
  if (!score || !std::isfinite(*score)) throw JsonError("the score of the piece '" + piece + "' must be a number");
  vocabulary_.add(piece, static_cast<std::int64_t>(number));
  scores_.push_back(*score);
}

void Unigram::find_ways(std::string_view word, std::vector<Arrival>& arrivals) const {
  const auto size = static_cast<std::uint32_t>(word.size());
  arrivals.assign(size + std::size_t{1}, {0, 0, kUnreached});
  const auto arrive = [&arrivals](std::uint32_t end, double score, std::int32_t id, std::uint32_t begin) {
    Arrival& best = arrivals[end];
    if (best.begin == kUnreached || score > best.score) best = {score, id, begin};
  };
  for (std::uint32_t begin = 0; begin < size;) {
    const auto lead = static_cast<unsigned char>(word[begin]);
    const std::uint32_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const std::uint32_t char_end = std::min(begin + length, size);
    const double score = arrivals[begin].score;
    bool knows_char = false;
    std::int32_t node = Trie::kRoot;
    for (std::uint32_t at = begin; at < size; ++at) {
      node = trie_.next(node, static_cast<unsigned char>(word[at]));
      if (node == Trie::kNone) break;
      const std::int32_t id = trie_.value(node);
      if (id == Trie::kNone) continue;
      arrive(at + 1, scores_[static_cast<std::size_t>(id)] + score, id, begin);
      knows_char = knows_char || at + 1 == char_end;
    }
    if (!knows_char) {
      const double candidate = unk_score_ + score;
      const Arrival& best = arrivals[char_end];
      if (unk_id_ < 0 && (best.begin == kUnreached || candidate > best.score)) {
        const std::string unknown(word.substr(begin, length));
        throw std::invalid_argument("the vocabulary doesn't know '" + unknown +
                                    "', and the model has no 'unk_id'; give it one");
      }
      arrive(char_end, candidate, unk_id_, begin);
    }
    begin = char_end;
  }
}

void Unigram::tokenize(std::string_view word, ModelScratch& memory, std::vector<Piece>& out) const {
  auto& scratch = static_cast<UnigramScratch&>(memory);
  find_ways(word, scratch.arrivals);
  // From the end to the start; unknown neighbours become one.
  scratch.backwards.clear();
  for (auto end = static_cast<std::uint32_t>(word.size()); end > 0;) {
    const Arrival& last = scratch.arrivals[end];
    const bool is_unknown = last.id == unk_id_;
    if (is_unknown && !scratch.backwards.empty() && scratch.backwards.back().id == unk_id_) {
      scratch.backwards.back().begin_bytes = last.begin;
    } else {
      scratch.backwards.push_back({last.id, last.begin, end});
    }
    end = last.begin;
  }
  for (auto piece = scratch.backwards.rbegin(); piece != scratch.backwards.rend(); ++piece) {
    if (piece->id == unk_id_) {
      add_unknown(word, *piece, out);
    } else {
      out.push_back(*piece);
    }
  }
}

// What is unknown in parts may be known as a whole (a piece with a very low score); else it's spelled in bytes if
// possible, and each byte covers all of it.
void Unigram::add_unknown(std::string_view word, Piece piece, std::vector<Piece>& out) const {
  const std::string_view text = word.substr(piece.begin_bytes, piece.end_bytes - piece.begin_bytes);
  const std::int32_t whole = vocabulary_.find(text);
  if (whole >= 0) return out.push_back({whole, piece.begin_bytes, piece.end_bytes});
  const auto id_of = [this](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
  if (!byte_fallback_ || !std::all_of(text.begin(), text.end(), [&](char byte) { return id_of(byte) >= 0; })) {
    return out.push_back(piece);
  }
  for (const char byte : text) out.push_back({id_of(byte), piece.begin_bytes, piece.end_bytes});
}

Json Unigram::to_json() const {
  Json json;
  json.type = Json::Type::kObject;
  json.members.emplace_back("type", json_string("Unigram"));
  json.members.emplace_back("unk_id", unk_id_ < 0 ? Json{} : json_integer(unk_id_));
  Json& list = json.members.emplace_back("vocab", Json{}).second;
  list.type = Json::Type::kArray;
  for (const auto& [token, id] : vocabulary_.sorted()) {
    Json& pair = list.items.emplace_back();
    pair.type = Json::Type::kArray;
    pair.items.push_back(json_string(std::string(token)));
    pair.items.push_back(json_real(scores_[static_cast<std::size_t>(id)]));
  }
  json.members.emplace_back("byte_fallback", json_bool(byte_fallback_));
  return json;
}

}  // namespace

std::unique_ptr<const Model> make_unigram(const Json& json) { return std::make_unique<const Unigram>(json); }

}  // namespace dure
