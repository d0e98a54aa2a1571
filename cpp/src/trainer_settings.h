// What the trainers share: their settings as read from JSON, and the words as they lie in memory during training.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dure/json.h"
#include "dure/trainer.h"

namespace dure {

// The fields of all four trainers; each reads those that it has. Defaults are the original library's.
struct TrainerSettings {
  std::uint64_t vocab_size = 30000;
  std::uint64_t min_frequency = 0;
  std::vector<std::string> special_tokens;
  std::vector<char32_t> initial_alphabet;  // in order, each once
  // BPE and WordPiece
  bool has_limit_alphabet = false;
  std::uint64_t limit_alphabet = 0;
  std::string prefix;  // of pieces that continue a word; empty: none
  std::string suffix;  // of pieces that end a word; empty: none
  bool has_prefix = false;
  bool has_suffix = false;
  std::uint64_t max_token_length = UINT64_MAX;  // in characters
  // Unigram
  double shrinking_factor = 0.75;
  std::uint64_t n_sub_iterations = 2;
  std::uint64_t max_piece_length = 16;
  std::uint64_t seed_size = 1000000;
  bool has_unk_token = false;
  std::string unk_token;
};

// Reads the fields of a flat object; throws JsonError or std::invalid_argument with the name of the field.
TrainerSettings read_trainer_settings(const Json& trainer);

// Words end to end, in the order of their bytes. Empty words don't come up.
struct WordList {
  std::string arena;
  std::vector<std::uint64_t> ends_bytes;  // of each word in the arena
  std::vector<std::uint64_t> counts;

  std::size_t size() const { return counts.size(); }
  std::string_view word(std::size_t i) const {
    const std::uint64_t begin = i == 0 ? 0 : ends_bytes[i - 1];
    return std::string_view(arena).substr(begin, ends_bytes[i] - begin);
  }
};
WordList list_words(WordCounter& words);

// Tells of progress; throws std::runtime_error when the training shall stop.
class ProgressReport {
 public:
  ProgressReport(const TrainProgress& progress, std::string stage, std::uint64_t total);
  // Reports after each percent of the whole, or 256 steps if that's less: a training must be quick to stop.
  void reach(std::uint64_t done);
  void finish();

 private:
  void tell(std::uint64_t done) const;
  std::uint64_t step() const { return total_ / 100 < 256 ? total_ / 100 + 1 : 256; }

  const TrainProgress& progress_;
  std::string stage_;
  std::uint64_t total_;
  std::uint64_t next_ = 0;
};

// The section "model" as text, member by member: as a tree of values it would take more memory than the training.
class ModelWriter {
 public:
  explicit ModelWriter(std::string_view type);
  void add(std::string_view name, const Json& value);
  // A list or an object whose items follow.
  void open(std::string_view name, char bracket);
  void member(std::string_view name, std::size_t number);          // of an object
  void pair(std::string_view first, std::string_view second);  // [first, second], both as they stand in JSON
  void close(char bracket);
  std::string finish();

 private:
  void begin(std::string_view name);
  void item(std::string_view text);

  std::string text_;
  bool is_first_ = false;
};

// A string as it stands in JSON.
std::string quoted(std::string_view text);

}  // namespace dure
