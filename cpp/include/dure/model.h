// Models: one word in, pieces out. Each is immutable and shared by threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dure/json.h"
#include "dure/vocabulary.h"

namespace dure {

// A piece of a word: its id, and which bytes of the word it covers. Pieces may share bytes (byte tokens of a
// character), and in corners that the original has too they may end inside a character: it counts as covered then.
struct Piece {
  std::int32_t id;
  std::uint32_t begin_bytes;
  std::uint32_t end_bytes;
};

// Memory that a model keeps between words; each kind derives its own. One per thread.
class ModelScratch {
 public:
  virtual ~ModelScratch() = default;
};

class Model {
 public:
  virtual ~Model() = default;

  virtual std::unique_ptr<ModelScratch> make_scratch() const { return std::make_unique<ModelScratch>(); }
  // Appends the pieces of a word (UTF-8; raw bytes for a model that was built so). Linear or n log n in its length.
  // Throws std::invalid_argument where the word has something unknown and the vocabulary lacks the unknown token.
  virtual void tokenize(std::string_view word, ModelScratch& scratch, std::vector<Piece>& out) const = 0;

  const Vocabulary& vocabulary() const { return vocabulary_; }

  // The section "model" of tokenizer.json, with all members in the original's order.
  virtual Json to_json() const = 0;

  // True when a word may be cut before `space` (" " or "▁") that follows another character, with the same pieces: no
  // token holds `space` behind another character. Lets a tokenizer without pre-tokenizer cut its text.
  virtual bool cuts_before(std::string_view space) const {
    (void)space;
    return false;
  }
  // The same word always has the same pieces (false: BPE with dropout).
  virtual bool is_deterministic() const { return true; }
  // Unigram shows what it didn't know as it stands in the text, not as its unknown token: that token's id; else -1.
  virtual std::int32_t surface_id() const { return -1; }

 protected:
  Vocabulary vocabulary_;
};

struct ModelOptions {
  // Words come as raw bytes (a byte-level pre-tokenizer was told to keep them): tokens are turned into bytes too.
  bool takes_bytes = false;
};

// From the section "model" of tokenizer.json. Throws JsonError or std::invalid_argument: what is wrong, what is known.
std::unique_ptr<const Model> model_from_json(const Json& json, ModelOptions options = {});

// The factories behind it, one file each: wordpiece.cpp, bpe.cpp, unigram.cpp, word_level.cpp.
std::unique_ptr<const Model> make_wordpiece(const Json& json);
std::unique_ptr<const Model> make_bpe(const Json& json, ModelOptions options);
std::unique_ptr<const Model> make_unigram(const Json& json);
std::unique_ptr<const Model> make_word_level(const Json& json);

// What the models share. The map "vocab" from tokens to ids: each token and each id once.
Vocabulary read_vocabulary(const Json& json);
Json vocabulary_to_json(const Vocabulary& vocabulary);
// "<0x0A>": the token of a byte that has no character of its own.
std::string byte_token(unsigned char byte);
// The ids of all 256 byte tokens, -1 where there is none.
std::vector<std::int32_t> byte_token_ids(const Vocabulary& vocabulary);
[[noreturn]] void throw_missing_unknown(const std::string& unk_token);

}  // namespace dure
