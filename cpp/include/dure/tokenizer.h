// Tokenizer: the whole way from text to columns of numbers and back. Immutable, so threads share it freely.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dure/encoder.h"
#include "dure/encoding.h"

namespace dure {

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
  // The same for many rows: row i is ids[row_starts[i]] to ids[row_starts[i + 1]].
  std::vector<std::string> decode_batch(const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& row_starts,
                                        bool skip_special_tokens, unsigned num_threads) const;

  std::int64_t token_to_id(std::string_view token) const;  // -1: unknown
  std::string_view id_to_token(std::int64_t id) const;     // null data: unknown
  std::string normalize(std::string_view text) const;
  // The words of a text as the model sees them, with their place in the original text.
  std::vector<std::pair<std::string, Span>> pre_tokenize(std::string_view text) const;
  // A copy that also finds `tokens`; one whose content is known keeps its id, the ids given here are ignored.
  Tokenizer with_added_tokens(const std::vector<AddedToken>& tokens) const;
  const TokenizerParts& parts() const { return *parts_; }

 private:
  class Texts;  // what each id stands for
  static TokenizerParts with_names_marked(TokenizerParts parts);
  // What becomes of one text and its pair.
  struct Sample;
  void encode_one(Sample& sample, const EncodeOptions& options, Encodings& out) const;
  void write_row(const Sample& sample, const RowTemplate& row, const std::uint32_t* ranges, Encodings& out) const;
  void trim(const Tokens& tokens, TokenRange range, const TemplatePart& part, std::size_t first, Encodings& out) const;

  std::unique_ptr<const TokenizerParts> parts_;
  std::unique_ptr<const Encoder> encoder_;
  std::unique_ptr<const Texts> texts_;
};

}  // namespace dure
