#include "dure/encoding.h"

namespace dure {
namespace {

template <typename Values>
void extend(Values& to, const Values& from) {
  to.insert(to.end(), from.begin(), from.end());
}

template <typename T>
void extend(std::vector<T>& to, const std::vector<T>& from, std::uint32_t begin, std::uint32_t end) {
  to.insert(to.end(), from.begin() + begin, from.begin() + end);
}

}  // namespace

void Tokens::clear() {
  ids.clear();
  words.clear();
  offsets.clear();
  surfaces.clear();
}

void Tokens::append(const Tokens& other, std::int32_t first_word) {
  for (const auto& [index, text] : other.surfaces) {
    surfaces.emplace_back(static_cast<std::uint32_t>(ids.size()) + index, text);
  }
  extend(ids, other.ids);
  for (const std::int32_t word : other.words) words.push_back(first_word + word);
  extend(offsets, other.offsets);
}

void Tokens::append(const std::int32_t* from_ids, const std::int32_t* from_words, const Span* from_offsets,
                    std::size_t count, std::int32_t first_word, std::uint32_t first_char) {
  ids.insert(ids.end(), from_ids, from_ids + count);
  for (std::size_t i = 0; i < count; ++i) words.push_back(first_word + from_words[i]);
  if (from_offsets == nullptr) return;
  for (std::size_t i = 0; i < count; ++i) {
    offsets.push_back({first_char + from_offsets[i].begin_chars, first_char + from_offsets[i].end_chars});
  }
}

void Encodings::push(const Tokens& tokens, std::uint32_t begin, std::uint32_t end, std::int32_t type_id,
                     std::int32_t sequence) {
  const std::size_t first = ids.size();
  const std::size_t count = end - begin;
  extend(ids, tokens.ids, begin, end);
  if (has(kTypeIds)) type_ids.insert(type_ids.end(), count, type_id);
  if (has(kSpecialMask)) special_tokens_mask.insert(special_tokens_mask.end(), count, 0);
  if (has(kWordIds)) extend(word_ids, tokens.words, begin, end);
  if (has(kSequenceIds)) sequence_ids.insert(sequence_ids.end(), count, sequence);
  if (has(kOffsets)) extend(offsets, tokens.offsets, begin, end);
  if (!has(kSurfaces)) return;
  for (const auto& [index, text] : tokens.surfaces) {
    if (index >= begin && index < end) surfaces.emplace_back(static_cast<std::int64_t>(first + index - begin), text);
  }
}

void Encodings::push_special(const TemplatePart& part, std::int32_t type_id, std::int32_t sequence) {
  const std::size_t count = part.special_ids.size();
  if (has(kSurfaces) && part.shows_names) {
    for (std::size_t i = 0; i < part.special_names.size(); ++i) {
      surfaces.emplace_back(static_cast<std::int64_t>(ids.size() + i), part.special_names[i]);
    }
  }
  extend(ids, part.special_ids);
  if (has(kTypeIds)) type_ids.insert(type_ids.end(), count, type_id);
  if (has(kSpecialMask)) special_tokens_mask.insert(special_tokens_mask.end(), count, part.is_masked ? 1 : 0);
  if (has(kWordIds)) word_ids.insert(word_ids.end(), count, -1);
  if (has(kSequenceIds)) sequence_ids.insert(sequence_ids.end(), count, sequence);
  if (has(kOffsets)) offsets.insert(offsets.end(), count, Span{});
}

void Encodings::end_row(std::int64_t sample) {
  row_starts.push_back(static_cast<std::int64_t>(ids.size()));
  sample_ids.push_back(sample);
}

void Encodings::reserve(std::size_t num_tokens, std::size_t num_rows) {
  row_starts.reserve(num_rows + 1);
  sample_ids.reserve(num_rows);
  ids.reserve(num_tokens);
  if (has(kTypeIds)) type_ids.reserve(num_tokens);
  if (has(kSpecialMask)) special_tokens_mask.reserve(num_tokens);
  if (has(kWordIds)) word_ids.reserve(num_tokens);
  if (has(kSequenceIds)) sequence_ids.reserve(num_tokens);
  if (has(kOffsets)) offsets.reserve(num_tokens);
}

void Encodings::append(const Encodings& other) {
  const std::int64_t shift = row_starts.back();
  for (std::size_t row = 0; row < other.num_rows(); ++row) row_starts.push_back(shift + other.row_starts[row + 1]);
  for (const auto& [index, text] : other.surfaces) surfaces.emplace_back(shift + index, text);
  extend(ids, other.ids);
  extend(type_ids, other.type_ids);
  extend(special_tokens_mask, other.special_tokens_mask);
  extend(word_ids, other.word_ids);
  extend(sequence_ids, other.sequence_ids);
  extend(offsets, other.offsets);
  extend(sample_ids, other.sample_ids);
}

}  // namespace dure
