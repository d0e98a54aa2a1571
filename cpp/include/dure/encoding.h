// Encodings: a batch of texts as columns of numbers, token by token, row after row. No object per token, ever.
#pragma once

#include <cstdint>
#include <vector>

#include "dure/text.h"

namespace dure {

// One token of one text before special tokens are put around it.
struct Token {
  std::int32_t id;
  std::int32_t word;  // index of the pre-token
  Span span;          // in code points of the original text
};

struct Encodings {
  std::vector<std::int64_t> row_starts{0};  // row i is [row_starts[i], row_starts[i + 1])
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;
  std::vector<std::int32_t> special_tokens_mask;
  std::vector<std::int32_t> word_ids;      // -1: special token
  std::vector<std::int32_t> sequence_ids;  // -1: special token; 0, 1: first, second text
  std::vector<Span> offsets;
  std::vector<std::int64_t> sample_ids;  // which text a row came from: overflow makes several rows of one

  std::size_t num_rows() const { return row_starts.size() - 1; }
  void push(const Token& token, std::int32_t type_id, std::int32_t sequence);
  void push_special(std::int32_t id, std::int32_t type_id);
  void end_row(std::int64_t sample);
  // Appends the rows of `other`, in order.
  void append(const Encodings& other);
};

}  // namespace dure
