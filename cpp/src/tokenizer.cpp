#include "dure/tokenizer.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "dure/parallel.h"
#include "dure/text.h"

namespace dure {
namespace {

// The most texts that one thread takes at a time, and the size in bytes above which more threads are worth starting.
constexpr std::size_t kTextsPerChunk = 64;
constexpr std::size_t kBytesPerThread = 16384;

std::size_t size_of(const Input& input) {
  if (input.words == nullptr) return input.text.size();
  std::size_t size = 0;
  for (const std::string_view word : *input.words) size += word.size();
  return size;
}

}  // namespace

// Tokens by id, and for decoders that work piece by piece the text of each.
class Tokenizer::Texts {
 public:
  explicit Texts(const TokenizerParts& parts) : parts_(parts) {
    for (const AddedToken& token : parts.added_tokens) {
      by_content_.emplace(token.content, token.id);
      if (token.is_left_out()) specials_.insert(token.content);
      by_id_[token.id] = &token;
    }
  }

  const AddedToken* added(std::int64_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }

  std::int64_t find(std::string_view content) const {
    const auto found = by_content_.find(content);
    return found == by_content_.end() ? -1 : found->second;
  }

  // By text, not by id: a vocabulary may hold a special token's text under another id too.
  bool is_special(std::string_view text) const { return specials_.find(text) != specials_.end(); }

  std::string_view token(std::int64_t id) const {
    const AddedToken* also = added(id);
    return also != nullptr ? std::string_view(also->content) : parts_.model->vocabulary().token(id);
  }

  // The spaces around a token.
  TokenSpaces spaces(std::int64_t id) const {
    std::call_once(spaces_once_, [this] { fill_spaces(); });
    if (id >= 0 && id < static_cast<std::int64_t>(spaces_.size())) return spaces_[static_cast<std::size_t>(id)];
    return count_spaces(token(id), false);
  }

  // Appends the text of a row; only for decoders that work piece by piece.
  void append(const std::int64_t* ids, std::size_t count, bool skips_special, std::string& out) const {
    std::call_once(once_, [this] { fill(); });
    bool is_first = true;
    for (std::size_t i = 0; i < count; ++i) {
      if (ids[i] >= 0 && ids[i] < static_cast<std::int64_t>(pieces_.size())) {
        const PieceText& piece = pieces_[static_cast<std::size_t>(ids[i])];
        if (!piece.is_token || (skips_special && piece.is_special)) continue;
        const Range range = is_first ? piece.first : piece.other;
        out.append(arena_, range.begin_bytes, range.size_bytes());
      } else {
        const std::string_view text = token(ids[i]);
        if (text.data() == nullptr || (skips_special && is_special(text))) continue;
        out += parts_.decoder->piece(text, is_first);
      }
      is_first = false;
    }
  }

 private:
  struct PieceText {
    Range first;
    Range other;
    bool is_token = false;
    bool is_special = false;
  };

  Range store(const std::string& text) const {
    const auto begin = static_cast<std::uint32_t>(arena_.size());
    arena_ += text;
    return {begin, static_cast<std::uint32_t>(arena_.size())};
  }

  // Ids far above the number of tokens are left to the slow way: a table for them would be mostly empty.
  std::size_t table_size() const {
    std::int64_t last = parts_.model->vocabulary().max_id();
    for (const AddedToken& token : parts_.added_tokens) last = std::max<std::int64_t>(last, token.id);
    const std::size_t num_tokens = parts_.model->vocabulary().size() + parts_.added_tokens.size();
    return std::min(static_cast<std::size_t>(last + 1), 4 * num_tokens + 65536);
  }

  void fill_spaces() const {
    spaces_.resize(table_size());
    for (std::size_t id = 0; id < spaces_.size(); ++id) {
      spaces_[id] = count_spaces(token(static_cast<std::int64_t>(id)), false);
    }
  }

  void fill() const {
    pieces_.resize(table_size());
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const auto id = static_cast<std::int64_t>(i);
      const std::string_view text = token(id);
      if (text.data() == nullptr) continue;
      pieces_[i].is_token = true;
      pieces_[i].is_special = is_special(text);
      pieces_[i].first = store(parts_.decoder->piece(text, true));
      pieces_[i].other = store(parts_.decoder->piece(text, false));
    }
  }

  const TokenizerParts& parts_;
  std::unordered_map<std::string_view, std::int64_t> by_content_;
  std::unordered_set<std::string_view> specials_;
  std::unordered_map<std::int64_t, const AddedToken*> by_id_;
  mutable std::once_flag spaces_once_;
  mutable std::vector<TokenSpaces> spaces_;
  mutable std::once_flag once_;
  mutable std::vector<PieceText> pieces_;
  mutable std::string arena_;
};

// Whether special tokens show the names that their template gives them: only where the vocabulary has others.
TokenizerParts Tokenizer::with_names_marked(TokenizerParts parts) {
  const Texts texts(parts);
  PostProcessor& post = parts.post_processor;
  for (RowTemplate* row : {&post.single, &post.pair}) {
    for (TemplatePart& part : row->parts) {
      part.shows_names = false;
      for (std::size_t i = 0; i < part.special_names.size(); ++i) {
        const std::string_view known = texts.token(part.special_ids[i]);
        part.shows_names |= known.data() == nullptr || known != part.special_names[i];
      }
    }
  }
  return parts;
}

Tokenizer::Tokenizer(TokenizerParts parts)
    : parts_(std::make_unique<const TokenizerParts>(with_names_marked(std::move(parts)))),
      encoder_(std::make_unique<const Encoder>(*parts_)),
      texts_(std::make_unique<const Texts>(*parts_)) {}

Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;

struct Tokenizer::Sample {
  const Input* text;
  const Input* pair;  // null: a text alone
  std::int64_t index;
  Tokens tokens[2];
  std::vector<TokenRange> ranges[2];  // what truncation makes of each text: rows show one of each
};

// Offsets of what was just written, `tokens` in `range` from place `first` of `out` on, without the spaces around tokens.
void Tokenizer::trim(const Tokens& tokens, TokenRange range, const TemplatePart& part, std::size_t first,
                     Encodings& out) const {
  for (std::size_t i = first; i < out.ids.size(); ++i) {
    out.offsets[i] = dure::trim(part.trims, out.offsets[i], texts_->spaces(out.ids[i]), i == first);
  }
  for (const auto& [index, text] : tokens.surfaces) {
    if (index < range.begin || index >= range.end) continue;
    Span& span = out.offsets[first + index - range.begin];
    span = dure::trim(part.trims, tokens.offsets[index], count_spaces(text, false), index == range.begin);
  }
}

// One row; `ranges` says which range of its text each part shows (null: the first).
void Tokenizer::write_row(const Sample& sample, const RowTemplate& row, const std::uint32_t* ranges,
                          Encodings& out) const {
  std::vector<std::int32_t> varied;
  if (row.labels_vary && ranges != nullptr) varied = row.labels_of(ranges);
  const std::vector<std::int32_t>& labels = varied.empty() ? row.labels : varied;
  for (std::size_t i = 0; i < row.parts.size(); ++i) {
    const TemplatePart& part = row.parts[i];
    const std::uint32_t which =
        ranges == nullptr || part.text_place < 0 ? 0 : ranges[static_cast<std::size_t>(part.text_place)];
    const std::int32_t type_id = which == 0 ? part.type_id : part.overflow_type_id;
    if (part.sequence < 0) {
      out.push_special(part, type_id, labels[i]);
      continue;
    }
    const Tokens& tokens = sample.tokens[part.sequence];
    const TokenRange range = sample.ranges[part.sequence][which];
    const std::size_t first = out.ids.size();
    out.push(tokens, range.begin, range.end, type_id, labels[i]);
    if (out.has(kOffsets) && !part.trims.empty()) trim(tokens, range, part, first, out);
  }
  out.end_row(sample.index);
}

void Tokenizer::encode_one(Sample& sample, const EncodeOptions& options, Encodings& out) const {
  const PostProcessor& post = parts_->post_processor;
  const bool is_pair = sample.pair != nullptr;
  const auto num_first = static_cast<std::uint32_t>(sample.tokens[0].ids.size());
  const auto num_second = static_cast<std::uint32_t>(sample.tokens[1].ids.size());
  const Truncation& truncation = options.truncation;
  const RowTemplate& row = post.rows(is_pair, options.add_special_tokens);
  sample.ranges[0].assign(1, {0, num_first});
  sample.ranges[1].assign(1, {0, num_second});
  if (truncation.max_length == 0) {
    write_row(sample, row, nullptr, out);
    return;
  }
  const std::uint32_t special = options.add_special_tokens ? post.num_special_tokens(is_pair) : 0;
  if (truncation.max_length < special) {
    throw std::invalid_argument("max_length " + std::to_string(truncation.max_length) + " is smaller than the " +
                                std::to_string(special) + " special tokens");
  }
  const Kept kept = share(num_first, num_second, is_pair, truncation.max_length - special, truncation.strategy);
  sample.ranges[0] = cut(num_first, kept.first, truncation.stride, truncation.is_left);
  sample.ranges[1] = cut(num_second, kept.second, truncation.stride, truncation.is_left);
  if (!options.overflow) {
    write_row(sample, row, nullptr, out);
    return;
  }
  const RowRanges rows = row_ranges(row.parts, static_cast<std::uint32_t>(sample.ranges[0].size()),
                                    static_cast<std::uint32_t>(sample.ranges[1].size()));
  for (std::size_t i = 0; i < rows.num_rows; ++i) {
    write_row(sample, row, rows.ranges.data() + i * row.parts.size(), out);
  }
}

Encodings Tokenizer::encode(const std::vector<Input>& texts, const std::vector<Input>& pairs,
                            const EncodeOptions& options, unsigned num_threads) const {
  // Chunks are encoded independently and joined in order, so the result is the same for any number of threads. A batch of
  // few texts is encoded text by text, and then long texts are shared by the threads.
  const std::size_t per_chunk = std::clamp<std::size_t>(texts.size() / (num_threads * 4 + 1), 1, kTextsPerChunk);
  const std::size_t num_chunks = (texts.size() + per_chunk - 1) / per_chunk;
  std::size_t size = 0;
  for (const Input& text : texts) size += size_of(text);
  for (const Input& text : pairs) size += size_of(text);
  const auto useful = static_cast<unsigned>(std::min<std::size_t>(num_threads, 1 + size / kBytesPerThread));
  const unsigned inner_threads = texts.size() < num_threads ? useful : 1;
  std::vector<Encodings> chunks(std::max<std::size_t>(num_chunks, 1));
  for (Encodings& chunk : chunks) chunk.columns = options.columns;
  parallel_for(num_chunks, inner_threads > 1 ? 1 : useful, [&](std::size_t chunk) {
    const Encoder::WorkerPtr worker = encoder_->take_worker();
    Sample sample;
    const std::size_t end = std::min(texts.size(), (chunk + 1) * per_chunk);
    for (std::size_t i = chunk * per_chunk; i < end; ++i) {
      try {
        sample.text = &texts[i];
        sample.pair = pairs.empty() ? nullptr : &pairs[i];
        sample.index = static_cast<std::int64_t>(i);
        encoder_->tokenize(*sample.text, options, inner_threads, *worker, sample.tokens[0]);
        if (sample.pair != nullptr) encoder_->tokenize(*sample.pair, options, inner_threads, *worker, sample.tokens[1]);
        encode_one(sample, options, chunks[chunk]);
      } catch (const std::invalid_argument& error) {
        throw EncodeError(i, error.what());
      }
    }
  });
  Encodings all = std::move(chunks[0]);
  std::size_t num_tokens = all.ids.size();
  for (std::size_t i = 1; i < chunks.size(); ++i) num_tokens += chunks[i].ids.size();
  all.reserve(num_tokens, texts.size());
  for (std::size_t i = 1; i < chunks.size(); ++i) all.append(chunks[i]);
  return all;
}

std::string Tokenizer::decode(const std::int64_t* ids, std::size_t count, bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  tokens.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view token = id_to_token(ids[i]);
    if (token.data() == nullptr || (skip_special_tokens && texts_->is_special(token))) continue;
    tokens.emplace_back(token);
  }
  std::string out;
  if (parts_->decoder) {
    parts_->decoder->apply(tokens);
    for (const std::string& token : tokens) out += token;
    return out;
  }
  for (const std::string& token : tokens) {
    if (&token != tokens.data()) out += ' ';
    out += token;
  }
  return out;
}

std::vector<std::string> Tokenizer::decode_batch(const std::vector<std::int64_t>& ids,
                                                 const std::vector<std::int64_t>& row_starts, bool skip_special_tokens,
                                                 unsigned num_threads) const {
  const std::size_t num_rows = row_starts.size() - 1;
  std::vector<std::string> out(num_rows);
  const bool is_piecewise = parts_->decoder && parts_->decoder->is_piecewise();
  const auto decode_row = [&](std::size_t row) {
    const std::int64_t* begin = ids.data() + row_starts[row];
    const auto count = static_cast<std::size_t>(row_starts[row + 1] - row_starts[row]);
    if (!is_piecewise) {
      out[row] = decode(begin, count, skip_special_tokens);
      return;
    }
    texts_->append(begin, count, skip_special_tokens, out[row]);
    if (parts_->decoder->yields_bytes()) out[row] = repair_utf8(out[row]);
  };
  const std::size_t num_chunks = (num_rows + kTextsPerChunk - 1) / kTextsPerChunk;
  const bool is_large = ids.size() > kBytesPerThread;
  parallel_for(num_chunks, is_large ? num_threads : 1, [&](std::size_t chunk) {
    const std::size_t end = std::min(num_rows, (chunk + 1) * kTextsPerChunk);
    for (std::size_t row = chunk * kTextsPerChunk; row < end; ++row) decode_row(row);
  });
  return out;
}

std::int64_t Tokenizer::token_to_id(std::string_view token) const {
  const std::int64_t added = texts_->find(token);
  return added >= 0 ? added : parts_->model->vocabulary().find(token);
}

std::string_view Tokenizer::id_to_token(std::int64_t id) const {
  return texts_->token(id);
}

std::string Tokenizer::normalize(std::string_view text) const {
  AlignedText aligned;
  AlignedText scratch;
  aligned.assign(text, 0, false);
  if (parts_->normalizer) parts_->normalizer->apply(aligned, scratch, {});
  return std::move(aligned.bytes);
}

std::vector<std::pair<std::string, Span>> Tokenizer::pre_tokenize(std::string_view text) const {
  AlignedText scratch;
  Words words;
  Words spare;
  words.text.assign(text, 0, true);
  if (parts_->normalizer) parts_->normalizer->apply(words.text, scratch, {});
  if (words.text.size_bytes() > 0) words.ranges.push_back({0, words.text.size_bytes()});
  if (parts_->pre_tokenizer) parts_->pre_tokenizer->apply(words, spare, {});
  std::vector<std::pair<std::string, Span>> out;
  for (const Range& range : words.ranges) out.emplace_back(words.text.view(range), words.text.origin(range));
  return out;
}

Tokenizer Tokenizer::with_added_tokens(const std::vector<AddedToken>& tokens) const {
  TokenizerParts parts = *parts_;
  std::unordered_map<std::string, std::size_t> places;
  auto next = static_cast<std::int64_t>(parts.model->vocabulary().size());
  for (std::size_t i = 0; i < parts.added_tokens.size(); ++i) {
    places.emplace(parts.added_tokens[i].content, i);
    next = std::max<std::int64_t>(next, parts.added_tokens[i].id + 1);
  }
  for (AddedToken token : tokens) {
    if (token.content.empty()) continue;
    const auto same = places.find(token.content);
    if (same != places.end()) {
      parts.added_tokens[same->second].add_again(token);
      continue;
    }
    const std::int32_t known = parts.model->vocabulary().find(token.content);
    token.id = known >= 0 ? known : static_cast<std::int32_t>(next++);
    places.emplace(token.content, parts.added_tokens.size());
    parts.added_tokens.push_back(token);
  }
  std::stable_sort(parts.added_tokens.begin(), parts.added_tokens.end(),
                   [](const AddedToken& left, const AddedToken& right) { return left.id < right.id; });
  return Tokenizer(std::move(parts));
}

}  // namespace dure
