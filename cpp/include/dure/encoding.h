// Encodings: a batch of texts as columns of numbers, token by token, row after row. No object per token, ever.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dure/post_processor.h"
#include "dure/text.h"

namespace dure {

// Columns beside ids and row_starts, which are always there. What isn't asked for stays empty and costs nothing.
enum Column : std::uint32_t {
  kTypeIds = 1,
  kSpecialMask = 2,
  kWordIds = 4,
  kSequenceIds = 8,
  kOffsets = 16,
  kSurfaces = 32,
  kAllColumns = 63,
};

// The tokens of one text before special tokens are put around it, as columns.
struct Tokens {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> words;  // index of the pre-token
  std::vector<Span> offsets;        // in code points of the original text
  // What a token stands for, where it isn't its own text (index of the token, text): what Unigram doesn't know, and added
  // tokens that took white space along or were found in normalized text.
  std::vector<std::pair<std::uint32_t, std::string>> surfaces;
  void clear();
  // Appends what followed this in the same text, whose words were counted from 0.
  void append(const Tokens& other, std::int32_t first_word);
  // The same from flat arrays; `from_offsets` (or null) counts from character `first_char`.
  void append(const std::int32_t* from_ids, const std::int32_t* from_words, const Span* from_offsets, std::size_t count,
              std::int32_t first_word, std::uint32_t first_char);
};

struct Encodings {
  std::uint32_t columns = kAllColumns;
  std::vector<std::int64_t> row_starts{0};  // row i is [row_starts[i], row_starts[i + 1])
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;
  std::vector<std::int32_t> special_tokens_mask;
  std::vector<std::int32_t> word_ids;      // -1: special token
  std::vector<std::int32_t> sequence_ids;  // -1: special token; 0, 1: first, second text
  std::vector<Span> offsets;               // {0, 0}: special token
  std::vector<std::int64_t> sample_ids;    // which text a row came from: overflow makes several rows of one
  std::vector<std::pair<std::int64_t, std::string>> surfaces;  // index of the token among all, its text

  std::size_t num_rows() const { return row_starts.size() - 1; }
  bool has(Column column) const { return (columns & column) != 0; }
  // Appends tokens [begin, end) of a text. `sequence` -1: `sequence_ids` says nothing of them.
  void push(const Tokens& tokens, std::uint32_t begin, std::uint32_t end, std::int32_t type_id, std::int32_t sequence);
  // Appends special tokens, with their names where the part shows them.
  void push_special(const TemplatePart& part, std::int32_t type_id, std::int32_t sequence);
  void end_row(std::int64_t sample);
  void reserve(std::size_t num_tokens, std::size_t num_rows);
  // Appends the rows of `other`, in order.
  void append(const Encodings& other);
};

}  // namespace dure
