#include "dure/tokenizer.h"

#include <algorithm>
#include <utility>

#include "dure/decoder.h"
#include "dure/parallel.h"
#include "dure/pre_tokenizer.h"
#include "dure/utf8.h"

namespace dure {

// Memory of one thread, kept between texts.
struct Tokenizer::Scratch {
  std::vector<char32_t> chars;
  AlignedText text;
  AlignedText spare;
  AlignedText part;
  std::vector<Stretch> stretches;
  std::vector<Stretch> inner;
  std::vector<Span> words;
  std::vector<Piece> pieces;
  std::vector<Token> first;
  std::vector<Token> second;
};

namespace {

TokenFinder make_finder(const TokenizerParts& parts, bool is_normalized) {
  std::vector<AddedToken> tokens;
  std::vector<std::vector<char32_t>> contents;
  for (const AddedToken& token : parts.added_tokens) {
    if (token.normalized != is_normalized) continue;
    AlignedText content;
    AlignedText spare;
    decode_utf8(token.content, content.chars);
    content.origins.resize(content.chars.size());
    // The text is searched after normalization, so what is looked for must look as it would there.
    if (is_normalized && parts.normalizer) parts.normalizer->apply(content, spare);
    tokens.push_back(token);
    contents.push_back(std::move(content.chars));
  }
  return {std::move(tokens), contents};
}

void write_row(const std::vector<TemplatePart>& parts, const std::vector<Token>* texts, const TokenRange* ranges,
               bool add_special_tokens, std::int64_t sample, Encodings& out) {
  for (const TemplatePart& part : parts) {
    if (part.sequence < 0) {
      if (!add_special_tokens) continue;
      for (const std::int32_t id : part.special_ids) out.push_special(id, part.type_id);
      continue;
    }
    const TokenRange range = ranges[part.sequence];
    for (std::uint32_t i = range.begin; i < range.end; ++i) out.push(texts[part.sequence][i], part.type_id, part.sequence);
  }
  out.end_row(sample);
}

}  // namespace

Tokenizer::Tokenizer(TokenizerParts parts)
    : parts_(std::move(parts)), raw_finder_(make_finder(parts_, false)), normalized_finder_(make_finder(parts_, true)) {}

// Normalizes what `scratch.text` holds, finds normalized added tokens in it, and cuts the rest into pieces.
void Tokenizer::tokenize_piece(Scratch& scratch, std::int32_t& word, std::vector<Token>& out) const {
  AlignedText& text = scratch.text;
  if (parts_.normalizer) parts_.normalizer->apply(text, scratch.spare);
  scratch.inner.clear();
  if (normalized_finder_.is_empty()) {
    if (text.size() > 0) scratch.inner.push_back({-1, 0, text.size()});
  } else {
    normalized_finder_.split(text.chars, scratch.inner);
  }
  for (const Stretch& stretch : scratch.inner) {
    if (stretch.id >= 0) {
      out.push_back({stretch.id, word++, {text.origins[stretch.begin].begin_chars, text.origins[stretch.end - 1].end_chars}});
      continue;
    }
    const bool is_whole = stretch.begin == 0 && stretch.end == text.size();
    if (!is_whole) {
      scratch.part.chars.assign(text.chars.begin() + stretch.begin, text.chars.begin() + stretch.end);
      scratch.part.origins.assign(text.origins.begin() + stretch.begin, text.origins.begin() + stretch.end);
    }
    const AlignedText& part = is_whole ? text : scratch.part;
    scratch.words.clear();
    if (parts_.splits_bert_words) {
      split_bert_words(part, scratch.words);
    } else {
      scratch.words.push_back({0, part.size()});
    }
    for (const Span& range : scratch.words) {
      scratch.pieces.clear();
      parts_.model->tokenize(part.chars.data() + range.begin_chars, range.end_chars - range.begin_chars, scratch.pieces);
      std::uint32_t begin = range.begin_chars;
      for (const Piece& piece : scratch.pieces) {
        const std::uint32_t end = range.begin_chars + piece.end_chars;
        out.push_back({piece.id, word, {part.origins[begin].begin_chars, part.origins[end - 1].end_chars}});
        begin = end;
      }
      ++word;
    }
  }
}

void Tokenizer::tokenize(std::string_view text, Scratch& scratch, std::vector<Token>& out) const {
  scratch.chars.clear();
  decode_utf8(text, scratch.chars);
  scratch.stretches.clear();
  raw_finder_.split(scratch.chars, scratch.stretches);
  std::int32_t word = 0;
  for (const Stretch& stretch : scratch.stretches) {
    if (stretch.id >= 0) {
      out.push_back({stretch.id, word++, {stretch.begin, stretch.end}});
      continue;
    }
    scratch.text.clear();
    for (std::uint32_t i = stretch.begin; i < stretch.end; ++i) scratch.text.push(scratch.chars[i], {i, i + 1});
    tokenize_piece(scratch, word, out);
  }
}

void Tokenizer::encode_one(std::string_view text, const std::string_view* pair, std::int64_t sample,
                           const EncodeOptions& options, Scratch& scratch, Encodings& out) const {
  scratch.first.clear();
  scratch.second.clear();
  tokenize(text, scratch, scratch.first);
  if (pair != nullptr) tokenize(*pair, scratch, scratch.second);
  const bool is_pair = pair != nullptr;
  const auto num_first = static_cast<std::uint32_t>(scratch.first.size());
  const auto num_second = static_cast<std::uint32_t>(scratch.second.size());
  std::vector<TokenRange> first{{0, num_first}};
  std::vector<TokenRange> second{{0, num_second}};
  const Truncation& truncation = options.truncation;
  if (truncation.max_length > 0) {
    const std::uint32_t special = options.add_special_tokens ? parts_.post_processor.num_special_tokens(is_pair) : 0;
    if (truncation.max_length < special) {
      throw std::invalid_argument("max_length " + std::to_string(truncation.max_length) + " is smaller than the " +
                                  std::to_string(special) + " special tokens");
    }
    const Kept kept = share(num_first, num_second, is_pair, truncation.max_length - special, truncation.strategy);
    first = cut(num_first, kept.first, truncation.stride, truncation.is_left);
    second = cut(num_second, kept.second, truncation.stride, truncation.is_left);
  }
  const std::vector<TemplatePart>& parts = is_pair ? parts_.post_processor.pair : parts_.post_processor.single;
  const std::vector<Token> texts[] = {std::move(scratch.first), std::move(scratch.second)};
  const auto row = [&](std::size_t i, std::size_t j) {
    const TokenRange ranges[] = {first[i], second[j]};
    write_row(parts, texts, ranges, options.add_special_tokens, sample, out);
  };
  row(0, 0);
  if (!options.overflow) return;
  // The original's order: each overflow of the first text with the second and its overflow, then the first itself.
  for (std::size_t i = 1; i < first.size(); ++i) {
    for (std::size_t j = 0; j < second.size(); ++j) row(i, j);
  }
  for (std::size_t j = 1; j < second.size(); ++j) row(0, j);
}

Encodings Tokenizer::encode(const std::vector<std::string_view>& texts, const std::vector<std::string_view>& pairs,
                            const EncodeOptions& options, unsigned num_threads) const {
  // Chunks are encoded independently and joined in order, so the result is the same for any number of threads.
  constexpr std::size_t kChunk = 64;
  const std::size_t num_chunks = (texts.size() + kChunk - 1) / kChunk;
  std::vector<Encodings> chunks(num_chunks);
  parallel_for(num_chunks, num_threads, [&](std::size_t chunk) {
    thread_local Scratch scratch;
    const std::size_t end = std::min(texts.size(), (chunk + 1) * kChunk);
    for (std::size_t i = chunk * kChunk; i < end; ++i) {
      try {
        encode_one(texts[i], pairs.empty() ? nullptr : &pairs[i], static_cast<std::int64_t>(i), options, scratch, chunks[chunk]);
      } catch (const std::invalid_argument& error) {
        throw EncodeError(i, error.what());
      }
    }
  });
  if (num_chunks == 1) return std::move(chunks[0]);
  Encodings all;
  for (const Encodings& chunk : chunks) all.append(chunk);
  return all;
}

std::string Tokenizer::decode(const std::vector<std::int64_t>& ids, bool skip_special_tokens) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const std::int64_t id : ids) {
    const std::string* token = id_to_token(id);
    if (token == nullptr) continue;
    const bool is_special = std::any_of(parts_.added_tokens.begin(), parts_.added_tokens.end(),
                                        [id](const AddedToken& added) { return added.id == id && added.is_special; });
    if (!(skip_special_tokens && is_special)) tokens.push_back(*token);
  }
  if (parts_.has_decoder) return decode_wordpiece(tokens, parts_.decoder_prefix, parts_.decoder_cleanup);
  return decode_wordpiece(tokens, "", false);
}

std::int64_t Tokenizer::token_to_id(std::string_view token) const {
  for (const AddedToken& added : parts_.added_tokens) {
    if (added.content == token) return added.id;
  }
  return parts_.model->vocabulary().find(token);
}

const std::string* Tokenizer::id_to_token(std::int64_t id) const {
  for (const AddedToken& added : parts_.added_tokens) {
    if (added.id == id) return &added.content;
  }
  return parts_.model->vocabulary().token(id);
}

std::string Tokenizer::normalize(std::string_view text) const {
  AlignedText aligned;
  AlignedText spare;
  decode_utf8(text, aligned.chars);
  aligned.origins.resize(aligned.chars.size());
  if (parts_.normalizer) parts_.normalizer->apply(aligned, spare);
  return encode_utf8(aligned.chars.data(), aligned.chars.data() + aligned.chars.size());
}

std::vector<std::pair<std::string, Span>> Tokenizer::pre_tokenize(std::string_view text) const {
  AlignedText aligned;
  AlignedText spare;
  std::vector<char32_t> chars;
  decode_utf8(text, chars);
  for (std::uint32_t i = 0; i < chars.size(); ++i) aligned.push(chars[i], {i, i + 1});
  if (parts_.normalizer) parts_.normalizer->apply(aligned, spare);
  std::vector<Span> words;
  if (parts_.splits_bert_words) {
    split_bert_words(aligned, words);
  } else if (aligned.size() > 0) {
    words.push_back({0, aligned.size()});
  }
  std::vector<std::pair<std::string, Span>> out;
  for (const Span& word : words) {
    const char32_t* data = aligned.chars.data();
    out.emplace_back(encode_utf8(data + word.begin_chars, data + word.end_chars),
                     Span{aligned.origins[word.begin_chars].begin_chars, aligned.origins[word.end_chars - 1].end_chars});
  }
  return out;
}

Tokenizer Tokenizer::with_added_tokens(const std::vector<AddedToken>& tokens) const {
  TokenizerParts parts = parts_;
  for (AddedToken token : tokens) {
    if (token.content.empty()) continue;
    const std::int64_t known = token_to_id(token.content);
    const auto same = std::find_if(parts.added_tokens.begin(), parts.added_tokens.end(),
                                   [&](const AddedToken& added) { return added.content == token.content; });
    if (same != parts.added_tokens.end()) {
      token.id = same->id;
      *same = token;
      continue;
    }
    std::int64_t next = static_cast<std::int64_t>(parts.model->vocabulary().size());
    for (const AddedToken& added : parts.added_tokens) next = std::max<std::int64_t>(next, added.id + 1);
    token.id = static_cast<std::int32_t>(known >= 0 ? known : next);
    parts.added_tokens.push_back(token);
  }
  std::stable_sort(parts.added_tokens.begin(), parts.added_tokens.end(),
                   [](const AddedToken& left, const AddedToken& right) { return left.id < right.id; });
  return Tokenizer(std::move(parts));
}

}  // namespace dure
