// Picks the trainer that a piece of JSON asks for, and reads its settings.
#include "dure/trainer.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "dure/utf8.h"
#include "trainer_settings.h"

namespace dure {
namespace {

constexpr std::string_view kKnown = "BpeTrainer, WordPieceTrainer, UnigramTrainer, WordLevelTrainer";

// A member that may be missing or null; `fallback` stands for it.
std::uint64_t count_or(const Json& trainer, std::string_view key, std::uint64_t fallback) {
  const std::int64_t value = trainer.number_or(key, -1);
  const Json* found = trainer.find(key);
  if (found == nullptr || found->is_null()) return fallback;
  if (value < 0) {
    throw std::invalid_argument("'" + std::string(key) + "' is " + std::to_string(value) + "; it must be 0 or more");
  }
  return static_cast<std::uint64_t>(value);
}

double real_or(const Json& trainer, std::string_view key, double fallback) {
  const Json* found = trainer.find(key);
  if (found == nullptr || found->is_null()) return fallback;
  if (found->is_number()) return found->as_real();
  throw JsonError("'" + std::string(key) + "' must be a number");
}

// The items of a list that may be missing or null.
const std::vector<Json>& items_or_none(const Json& trainer, std::string_view key) {
  static const std::vector<Json> none;
  const Json* found = trainer.find(key);
  return found == nullptr || found->is_null() ? none : trainer.array(key);
}

std::vector<std::string> read_special_tokens(const Json& trainer) {
  std::vector<std::string> tokens;
  for (const Json& item : items_or_none(trainer, "special_tokens")) {
    tokens.push_back(item.type == Json::Type::kString ? item.string : item.text("content"));
  }
  return tokens;
}

// Of strings with several characters the first counts, as in the original.
std::vector<char32_t> read_alphabet(const Json& trainer) {
  std::vector<char32_t> alphabet;
  std::vector<char32_t> codes;
  for (const Json& item : items_or_none(trainer, "initial_alphabet")) {
    if (item.type != Json::Type::kString) throw JsonError("'initial_alphabet' must be a list of characters");
    codes.clear();
    decode_utf8(item.string, codes);
    if (!codes.empty()) alphabet.push_back(codes.front());
  }
  std::sort(alphabet.begin(), alphabet.end());
  alphabet.erase(std::unique(alphabet.begin(), alphabet.end()), alphabet.end());
  return alphabet;
}

// The name of the trainer and its own object, of {"type": name, ...} or {name: {...}}.
std::pair<std::string, const Json*> unwrap(const Json& trainer) {
  if (trainer.type != Json::Type::kObject) throw JsonError("a trainer must be a JSON object");
  if (trainer.find("type") != nullptr) return {trainer.text("type"), &trainer};
  if (trainer.members.size() == 1 && trainer.members[0].second.type == Json::Type::kObject) {
    return {trainer.members[0].first, &trainer.members[0].second};
  }
  throw JsonError("a trainer has no 'type'; known are " + std::string(kKnown));
}

}  // namespace

TrainerSettings read_trainer_settings(const Json& trainer) {
  TrainerSettings settings;
  settings.vocab_size = count_or(trainer, "vocab_size", 30000);
  settings.min_frequency = count_or(trainer, "min_frequency", 0);
  settings.special_tokens = read_special_tokens(trainer);
  settings.initial_alphabet = read_alphabet(trainer);
  settings.limit_alphabet = count_or(trainer, "limit_alphabet", UINT64_MAX);
  settings.has_limit_alphabet = settings.limit_alphabet != UINT64_MAX;
  const auto text = [&trainer](std::string_view key, bool& is_given) {
    const Json* found = trainer.find(key);
    is_given = found != nullptr && !found->is_null();
    return is_given ? trainer.text(key) : std::string();
  };
  settings.prefix = text("continuing_subword_prefix", settings.has_prefix);
  settings.suffix = text("end_of_word_suffix", settings.has_suffix);
  settings.max_token_length = count_or(trainer, "max_token_length", UINT64_MAX);
  settings.shrinking_factor = real_or(trainer, "shrinking_factor", 0.75);
  settings.n_sub_iterations = count_or(trainer, "n_sub_iterations", 2);
  settings.max_piece_length = count_or(trainer, "max_piece_length", 16);
  settings.seed_size = count_or(trainer, "seed_size", 1000000);
  settings.unk_token = text("unk_token", settings.has_unk_token);
  return settings;
}

WordList list_words(WordCounter& words) {
  WordList list;
  words.for_each([&list](std::string_view word, std::uint64_t count) {
    if (word.empty()) return;
    list.arena.append(word);
    list.ends_bytes.push_back(list.arena.size());
    list.counts.push_back(count);
  });
  return list;
}

ProgressReport::ProgressReport(const TrainProgress& progress, std::string stage, std::uint64_t total)
    : progress_(progress), stage_(std::move(stage)), total_(total) {
  tell(0);
  next_ = step();
}

void ProgressReport::reach(std::uint64_t done) {
  if (done < next_) return;
  tell(std::min(done, total_));
  next_ = done + step();
}

void ProgressReport::finish() { tell(total_); }

void ProgressReport::tell(std::uint64_t done) const {
  if (progress_ && !progress_(stage_, done, total_)) throw std::runtime_error("the training was stopped");
}

ModelWriter::ModelWriter(std::string_view type) : text_("{\"type\":") { text_ += quoted(type); }

void ModelWriter::begin(std::string_view name) {
  text_.push_back(',');
  text_ += quoted(name);
  text_.push_back(':');
}

void ModelWriter::add(std::string_view name, const Json& value) {
  begin(name);
  text_ += dump_json(value);
}

void ModelWriter::open(std::string_view name, char bracket) {
  begin(name);
  text_.push_back(bracket);
  is_first_ = true;
}

void ModelWriter::item(std::string_view text) {
  if (!is_first_) text_.push_back(',');
  is_first_ = false;
  text_ += text;
}

void ModelWriter::member(std::string_view name, std::size_t number) {
  item(quoted(name));
  text_.push_back(':');
  text_ += std::to_string(number);
}

void ModelWriter::pair(std::string_view first, std::string_view second) {
  item("[");
  text_ += first;
  text_.push_back(',');
  text_ += second;
  text_.push_back(']');
}

void ModelWriter::close(char bracket) { text_.push_back(bracket); }

std::string ModelWriter::finish() {
  text_.push_back('}');
  return std::move(text_);
}

std::string quoted(std::string_view text) { return dump_json(json_string(std::string(text))); }

std::string train(const Json& trainer, WordCounter words, const TrainProgress& progress, unsigned num_threads) {
  const auto [type, settings] = unwrap(trainer);
  if (type == "BpeTrainer") return train_bpe(*settings, words, progress, num_threads);
  if (type == "WordPieceTrainer") {
    const Json* inner = settings->find("bpe_trainer");
    return train_wordpiece(inner != nullptr ? *inner : *settings, words, progress, num_threads);
  }
  if (type == "UnigramTrainer") return train_unigram(*settings, words, progress, num_threads);
  if (type == "WordLevelTrainer") return train_word_level(*settings, words, progress);
  throw JsonError("unknown trainer '" + type + "'; known are " + std::string(kKnown));
}

}  // namespace dure
