// Tokenizer: the whole way from text to columns of numbers and back. Immutable, so threads share it freely.
//
// How it's fast: a text is cut where that can't change the result (before a space that follows a letter, a digit or ASCII
// punctuation, if every part of the tokenizer says that it's local), and what became of a piece is remembered: most pieces
// of most texts have been seen before. Normalizers, pre-tokenizers and models run for new pieces only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "dure/added_tokens.h"
#include "dure/decoder.h"
#include "dure/encoding.h"
#include "dure/json.h"
#include "dure/model.h"
#include "dure/normalizer.h"
#include "dure/post_processor.h"
#include "dure/pre_tokenizer.h"
#include "dure/truncation.h"

namespace dure {

// What a tokenizer is made of; serialize.h reads and writes it. Parts are shared by copies with other added tokens.
struct TokenizerParts {
  Json document;  // tokenizer.json without vocabulary and added tokens, for writing it back
  std::vector<AddedToken> added_tokens;  // by id
  std::shared_ptr<const Normalizer> normalizer;
  std::shared_ptr<const PreTokenizer> pre_tokenizer;
  std::shared_ptr<const Model> model;
  PostProcessor post_processor;
  std::shared_ptr<const Decoder> decoder;  // null: tokens are joined by spaces
  bool takes_bytes = false;                // the last step is ByteLevel, and words reach the model as raw bytes
};

struct EncodeOptions {
  bool add_special_tokens = true;
  Truncation truncation;
  bool overflow = false;  // keep what truncation cuts off, as rows of its own
  std::uint32_t columns = kAllColumns;
  bool uses_memory = true;  // false: nothing is cut or remembered (the slow twin, for tests)
};

// A text, or one that is already split into words: then offsets count from each word's start, word ids are the words'.
struct Input {
  std::string_view text;
  const std::vector<std::string_view>* words = nullptr;
};

// A failure on one text of a batch.
class EncodeError : public std::invalid_argument {
 public:
  EncodeError(std::size_t index, const std::string& what)
      : std::invalid_argument("text " + std::to_string(index) + ": " + what) {}
};

class Tokenizer {
 public:
  explicit Tokenizer(TokenizerParts parts);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;

  // Encodes texts (`pairs` is empty, or as long as `texts`) on up to `num_threads` threads; the result doesn't depend on
  // their number. Threads live only during the call, which makes it safe to fork at any other time.
  Encodings encode(const std::vector<Input>& texts, const std::vector<Input>& pairs, const EncodeOptions& options,
                   unsigned num_threads) const;

  // Ids that no token has are left out.
  std::string decode(const std::int64_t* ids, std::size_t count, bool skip_special_tokens) const;

  std::int64_t token_to_id(std::string_view token) const;   // -1: unknown
  std::string_view id_to_token(std::int64_t id) const;      // null data: unknown
  bool is_special(std::int64_t id) const;
  std::string normalize(std::string_view text) const;
  // The words of a text as the model sees them, with their place in the original text.
  std::vector<std::pair<std::string, Span>> pre_tokenize(std::string_view text) const;
  // A copy that also finds `tokens`; one whose content is known keeps its id, the ids given here are ignored.
  Tokenizer with_added_tokens(const std::vector<AddedToken>& tokens) const;
  const TokenizerParts& parts() const { return *parts_; }

 private:
  struct Worker;      // memory of one thread
  struct Workers;     // those that no thread is using
  class Lookup;       // added tokens by content and id
  void tokenize(const Input& input, const EncodeOptions& options, Worker& worker, Tokens& out) const;

  std::unique_ptr<const TokenizerParts> parts_;
  std::unique_ptr<const Lookup> lookup_;
  std::unique_ptr<Workers> workers_;
};

}  // namespace dure
