// Tokenizer: the whole way from text to columns of numbers and back. Immutable, so threads share it freely.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "dure/added_tokens.h"
#include "dure/encoding.h"
#include "dure/json.h"
#include "dure/normalizer.h"
#include "dure/post_processor.h"
#include "dure/truncation.h"
#include "dure/wordpiece.h"

namespace dure {

// What a tokenizer is made of; serialize.h reads and writes it.
struct TokenizerParts {
  Json document;  // tokenizer.json without vocabulary and added tokens, for writing it back
  std::vector<AddedToken> added_tokens;  // by id
  std::optional<BertNormalizer> normalizer;
  bool splits_bert_words = false;  // else a text is one word
  std::shared_ptr<const WordPiece> model;
  Template post_processor;
  bool has_decoder = false;  // else tokens are joined by spaces
  std::string decoder_prefix;
  bool decoder_cleanup = false;
};

struct EncodeOptions {
  bool add_special_tokens = true;
  Truncation truncation;
  bool overflow = false;  // keep what truncation cuts off, as rows of its own
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

  // Encodes texts (`pairs` is empty, or as long as `texts`) on up to `num_threads` threads; the result doesn't depend on
  // their number. Threads live only during the call, which makes it safe to fork at any other time.
  Encodings encode(const std::vector<std::string_view>& texts, const std::vector<std::string_view>& pairs,
                   const EncodeOptions& options, unsigned num_threads) const;

  // Ids that no token has are left out.
  std::string decode(const std::vector<std::int64_t>& ids, bool skip_special_tokens) const;

  std::int64_t token_to_id(std::string_view token) const;  // -1: unknown
  const std::string* id_to_token(std::int64_t id) const;   // null: unknown
  std::string normalize(std::string_view text) const;
  // The words of a text as the model sees them, with their place in the original text.
  std::vector<std::pair<std::string, Span>> pre_tokenize(std::string_view text) const;
  // A copy that also finds `tokens`; one whose content is known keeps its id, the ids given here are ignored.
  Tokenizer with_added_tokens(const std::vector<AddedToken>& tokens) const;
  const TokenizerParts& parts() const { return parts_; }

 private:
  struct Scratch;
  void tokenize(std::string_view text, Scratch& scratch, std::vector<Token>& out) const;
  void tokenize_piece(Scratch& scratch, std::int32_t& word, std::vector<Token>& out) const;
  void encode_one(std::string_view text, const std::string_view* pair, std::int64_t sample, const EncodeOptions& options,
                  Scratch& scratch, Encodings& out) const;

  TokenizerParts parts_;
  TokenFinder raw_finder_;
  TokenFinder normalized_finder_;
};

}  // namespace dure
