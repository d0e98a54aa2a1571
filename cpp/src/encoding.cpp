#include "dure/encoding.h"

namespace dure {
namespace {

template <typename Column>
void extend(Column& to, const Column& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

void Encodings::push(const Token& token, std::int32_t type_id, std::int32_t sequence) {
  ids.push_back(token.id);
  type_ids.push_back(type_id);
  special_tokens_mask.push_back(0);
  word_ids.push_back(token.word);
  sequence_ids.push_back(sequence);
  offsets.push_back(token.span);
}

void Encodings::push_special(std::int32_t id, std::int32_t type_id) {
  ids.push_back(id);
  type_ids.push_back(type_id);
  special_tokens_mask.push_back(1);
  word_ids.push_back(-1);
  sequence_ids.push_back(-1);
  offsets.push_back({});
}

void Encodings::end_row(std::int64_t sample) {
  row_starts.push_back(static_cast<std::int64_t>(ids.size()));
  sample_ids.push_back(sample);
}

void Encodings::append(const Encodings& other) {
  const std::int64_t shift = row_starts.back();
  for (std::size_t row = 0; row < other.num_rows(); ++row) row_starts.push_back(shift + other.row_starts[row + 1]);
  extend(ids, other.ids);
  extend(type_ids, other.type_ids);
  extend(special_tokens_mask, other.special_tokens_mask);
  extend(word_ids, other.word_ids);
  extend(sequence_ids, other.sequence_ids);
  extend(offsets, other.offsets);
  extend(sample_ids, other.sample_ids);
}

}  // namespace dure
