// Trainers: words with their counts in, a vocabulary out. The same corpus gives the same bytes on any number of
// threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dure/json.h"
#include "dure/normalizer.h"
#include "dure/pre_tokenizer.h"

namespace dure {

// Counts words. What doesn't fit into the memory budget is spilled to sorted temporary files and merged at the end.
class WordCounter {
 public:
  // `budget_bytes` bounds the memory of the table of words; `folder` is where spilled counts go (empty: the system's).
  WordCounter(std::size_t budget_bytes, std::string folder);
  ~WordCounter();
  WordCounter(WordCounter&&) noexcept;

  void add(std::string_view word, std::uint64_t count = 1);
  // The memory that words take that aren't spilled.
  std::size_t size_bytes() const;
  // All words in the order of their bytes, each once. Then there are none, and counting starts over.
  void for_each(const std::function<void(std::string_view word, std::uint64_t count)>& visit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Called now and then with what is being done ("Compute merges"), how much is done and how much there is to do.
// Returning false stops the training with an error.
using TrainProgress = std::function<bool(std::string_view stage, std::uint64_t done, std::uint64_t total)>;

// Feeds texts through normalizer and pre-tokenizer (either may be null) into counts, on up to `num_threads` threads.
class Feeder {
 public:
  Feeder(std::shared_ptr<const Normalizer> normalizer, std::shared_ptr<const PreTokenizer> pre_tokenizer,
         std::size_t budget_bytes, unsigned num_threads);
  ~Feeder();
  void feed(const std::vector<std::string_view>& texts);
  WordCounter finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Trains by a trainer's settings ({"type": "BpeTrainer", "vocab_size": 30000, ...} or {"BpeTrainer": {...}}, the fields
// of the original's serialized trainers) and returns the section "model" of a tokenizer.json, with the special tokens
// first in its vocabulary. Without any words that's all it holds, beside an initial alphabet. Throws
// std::invalid_argument for settings that contradict each other, and std::runtime_error when `progress` says stop.
std::string train(const Json& trainer, WordCounter words, const TrainProgress& progress, unsigned num_threads);

// The four algorithms, one file each: trainer_bpe.cpp (also WordPiece), trainer_unigram.cpp, trainer_word_level.cpp.
// Merges are computed on one thread, whatever `num_threads` says: most of the time goes into texts, not merges.
std::string train_bpe(const Json& trainer, WordCounter& words, const TrainProgress& progress, unsigned num_threads);
std::string train_wordpiece(const Json& trainer, WordCounter& words, const TrainProgress& progress,
                            unsigned num_threads);
std::string train_unigram(const Json& trainer, WordCounter& words, const TrainProgress& progress, unsigned num_threads);
std::string train_word_level(const Json& trainer, WordCounter& words, const TrainProgress& progress);

}  // namespace dure
