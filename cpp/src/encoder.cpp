#include "dure/encoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dure/parallel.h"
#include "dure/piece_memory.h"
#include "dure/unicode.h"
#include "dure/utf8.h"

namespace dure {
namespace {

// A text is worth a second thread above this size, and is handed out in blocks of this size.
constexpr std::size_t kBlockBytes = 32768;

// is_plain of the character before `at`; ASCII, which most are, without a call.
bool is_cut(std::string_view text, std::size_t at) {
  const auto before = static_cast<unsigned char>(text[at - 1]);
  return before < 0x80 ? before > 0x20 && before != 0x7F : is_plain(decode_last(text.substr(0, at)).code);
}

std::uint32_t num_chars(std::string_view text) { return static_cast<std::uint32_t>(count_chars(text)); }

// What is looked for in normalized text must look as it would there.
TokenFinder make_finder(const TokenizerParts& parts, bool is_normalized) {
  std::vector<AddedToken> tokens;
  std::vector<std::string> contents;
  for (const bool is_special : {true, false}) {
    for (const AddedToken& token : parts.added_tokens) {
      if (!token.is_looked_for(is_normalized) || token.is_left_out() != is_special) continue;
      AlignedText content;
      AlignedText scratch;
      content.assign(token.content, 0, false);
      if (is_normalized && parts.normalizer) parts.normalizer->apply(content, scratch, {});
      tokens.push_back(token);
      contents.push_back(std::move(content.bytes));
    }
  }
  return {std::move(tokens), std::move(contents)};
}

// Whether a text may be cut, and what came before a step makes no difference to what it does behind the cut.
bool allows_cuts(const TokenizerParts& parts, const TokenFinder& finder) {
  std::u32string heads = U" ";
  if (parts.normalizer && !parts.normalizer->keeps_cuts(heads)) return false;
  if (!parts.model->is_deterministic()) return false;
  if (parts.pre_tokenizer) {
    if (!parts.pre_tokenizer->is_local()) return false;
    const bool keeps_spaces = heads.find_first_not_of(U' ') == std::u32string::npos;
    if (!keeps_spaces && !(are_spaces(heads) && parts.pre_tokenizer->takes_visible_spaces())) return false;
  } else if (!are_spaces(heads) || !finder.is_empty()) {
    // Without a pre-tokenizer, what lies between two added tokens is one word, and so all its pieces are.
    return false;
  }
  return std::all_of(heads.begin(), heads.end(), [&](char32_t head) {
    std::string space;
    append_utf8(head, space);
    // A model without pre-tokenizer sees whole texts: it must never join what a space parts.
    return (finder.is_empty() || finder.is_local(space)) && (parts.pre_tokenizer || parts.model->cuts_before(space));
  });
}

}  // namespace

std::size_t next_cut(std::string_view text, std::size_t begin) {
  std::size_t at = begin;
  while (true) {
    const void* found = at + 1 < text.size() ? std::memchr(text.data() + at + 1, ' ', text.size() - at - 1) : nullptr;
    if (found == nullptr) return text.size();
    at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    if (is_cut(text, at)) break;
  }
  // What is left must hold a plain character; mostly the next but one byte is one.
  for (std::size_t i = at + 1; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_found = byte < 0x80 ? byte > 0x20 && byte != 0x7F
                                      : !is_continuation(text[i]) && is_plain(decode_char(text, i).code);
    if (is_found) return at;
  }
  return text.size();
}

class Encoder::Worker {
 public:
  explicit Worker(const Encoder& encoder)
      : model_scratch(encoder.parts_.model->make_scratch()), plain(false), aligned(true) {}

  AlignedText text;
  AlignedText spare;
  Words words;
  Words spare_words;
  std::vector<Stretch> stretches;
  std::vector<Stretch> inner;
  std::vector<Piece> pieces;
  std::unique_ptr<ModelScratch> model_scratch;
  PieceMemory plain;    // without offsets
  PieceMemory aligned;  // with them
  Tokens part;          // of the piece that is being worked on, words counted from 0
  std::uint32_t num_words = 0;  // of the piece
  std::uint32_t num_chars = 0;  // of the piece; counted only for offsets
  std::int32_t word = 0;        // of the text so far
};

Encoder::Encoder(const TokenizerParts& parts)
    : parts_(parts), raw_finder_(make_finder(parts, false)), normalized_finder_(make_finder(parts, true)) {
  cuts_ = allows_cuts(parts, normalized_finder_);
  is_one_word_ = !parts.pre_tokenizer;
  sees_ends_ = (parts.normalizer && parts.normalizer->sees_ends()) ||
               (parts.pre_tokenizer && parts.pre_tokenizer->sees_ends());
}

Encoder::~Encoder() = default;

Encoder::WorkerPtr Encoder::take_worker() const {
  // Never waits: a process forked while another thread holds the lock simply makes workers of its own.
  const std::unique_lock<std::mutex> lock(guard_, std::try_to_lock);
  if (lock.owns_lock() && !idle_.empty()) {
    WorkerPtr worker(idle_.back().release(), {this});
    idle_.pop_back();
    return worker;
  }
  return WorkerPtr(new Worker(*this), {this});
}

void Encoder::GiveBack::operator()(Worker* worker) const {
  std::unique_ptr<Worker> owned(worker);
  const std::unique_lock<std::mutex> lock(encoder->guard_, std::try_to_lock);
  if (lock.owns_lock()) encoder->idle_.push_back(std::move(owned));
}

void Encoder::tokenize(const Input& input, const EncodeOptions& options, unsigned num_threads, Worker& worker,
                       Tokens& out) const {
  out.clear();
  worker.word = 0;
  if (input.words == nullptr) {
    tokenize_text(input.text, options, num_threads, worker, out);
    return;
  }
  for (std::size_t i = 0; i < input.words->size(); ++i) {
    const std::size_t begin = out.ids.size();
    tokenize_text((*input.words)[i], options, 1, worker, out);
    std::fill(out.words.begin() + static_cast<std::ptrdiff_t>(begin), out.words.end(), static_cast<std::int32_t>(i));
  }
}

void Encoder::tokenize_text(std::string_view text, const EncodeOptions& options, unsigned num_threads, Worker& worker,
                            Tokens& out) const {
  std::vector<Stretch> stretches;
  stretches.swap(worker.stretches);
  stretches.clear();
  raw_finder_.split(text, stretches);
  const bool needs_places = stretches.size() > 1 || (options.columns & kOffsets) != 0;
  std::uint32_t at_bytes = 0;
  std::uint32_t first_char = 0;
  for (const Stretch& stretch : stretches) {
    const Range range = stretch.range;
    const std::string_view part = text.substr(range.begin_bytes, range.size_bytes());
    if (range.begin_bytes < at_bytes) {
      // White space that belongs to two stretches.
      first_char -= num_chars(text.substr(range.begin_bytes, at_bytes - range.begin_bytes));
    }
    const std::uint32_t end_char = needs_places ? first_char + num_chars(part) : first_char;
    if (stretch.id >= 0) {
      if (!stretch.is_verbatim) out.surfaces.emplace_back(static_cast<std::uint32_t>(out.ids.size()), part);
      out.ids.push_back(stretch.id);
      out.words.push_back(worker.word++);
      if ((options.columns & kOffsets) != 0) out.offsets.push_back({first_char, end_char});
    } else {
      const Section section{part, first_char, {}};
      if (num_threads > 1 && part.size() > 2 * kBlockBytes && cuts_text(part, options)) {
        tokenize_long(section, options, num_threads, worker, out);
      } else {
        tokenize_section(section, options, worker, out);
      }
    }
    at_bytes = range.end_bytes;
    first_char = end_char;
  }
  stretches.swap(worker.stretches);
}

bool Encoder::cuts_text(std::string_view text, const EncodeOptions& options) const {
  if (!cuts_ || !options.uses_memory) return false;
  const bool has_offsets = (options.columns & kOffsets) != 0;
  return !has_offsets || !parts_.normalizer || parts_.normalizer->has_local_origins(text);
}

void Encoder::tokenize_section(const Section& section, const EncodeOptions& options, Worker& worker, Tokens& out) const {
  if (!cuts_text(section.text, options)) {
    tokenize_piece(section, options, nullptr, worker, out);
    return;
  }
  const std::string_view text = section.text;
  PieceMemory& memory = (options.columns & kOffsets) != 0 ? worker.aligned : worker.plain;
  Section piece = section;
  Section next = section;
  const auto cut_next = [&](std::size_t begin) {
    const std::size_t end = next_cut(text, begin);
    next.text = text.substr(begin, end - begin);
    next.ends = {section.ends.is_head && begin == 0, section.ends.is_tail && end == text.size()};
    return memory.key_of(next.text, place_of(next.ends, section.first_char == 0));
  };
  const std::int32_t first_word = worker.word;
  PieceMemory::Key next_key = cut_next(0);
  for (std::size_t end = next.text.size(); !next.text.empty(); end += next.text.size()) {
    piece.text = next.text;
    piece.ends = next.ends;
    const PieceMemory::Key key = next_key;
    next.text = {};
    if (end < text.size()) next_key = cut_next(end);
    tokenize_piece(piece, options, &key, worker, out);
    piece.first_char += worker.num_chars;
    if (is_one_word_ && end < text.size()) worker.word = first_word;
  }
}

// Which ends of the whole text and of the section a piece holds, where the normalizer or pre-tokenizer looks at them.
std::uint32_t Encoder::place_of(Ends ends, bool is_first_section) const {
  // A step that looks at the ends may also ask whether the piece begins the whole text.
  const bool is_start = ends.is_head && is_first_section;
  return sees_ends_ ? 4U * is_start + 2U * ends.is_head + 1U * ends.is_tail : 0U;
}

void Encoder::tokenize_long(const Section& section, const EncodeOptions& options, unsigned num_threads, Worker& worker,
                            Tokens& out) const {
  std::vector<Section> blocks;
  std::uint32_t first_char = section.first_char;
  for (std::size_t begin = 0; begin < section.text.size();) {
    const std::size_t target = begin + kBlockBytes;
    const std::size_t end = target < section.text.size() ? next_cut(section.text, target) : section.text.size();
    const std::string_view text = section.text.substr(begin, end - begin);
    blocks.push_back({text, first_char, {begin == 0, end == section.text.size()}});
    first_char += num_chars(text);
    begin = end;
  }
  std::vector<Tokens> results(blocks.size());
  std::vector<std::int32_t> num_words(blocks.size());
  parallel_for(blocks.size(), num_threads, [&](std::size_t i) {
    const WorkerPtr other = take_worker();
    other->word = 0;
    tokenize_section(blocks[i], options, *other, results[i]);
    num_words[i] = other->word;
  });
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    out.append(results[i], worker.word);
    if (!is_one_word_ || i + 1 == blocks.size()) worker.word += num_words[i];
  }
}

void Encoder::tokenize_piece(const Section& section, const EncodeOptions& options, const PieceMemory::Key* key,
                             Worker& worker, Tokens& out) const {
  const bool has_offsets = (options.columns & kOffsets) != 0;
  PieceMemory& memory = has_offsets ? worker.aligned : worker.plain;
  if (key != nullptr) {
    const PieceMemory::Found found = memory.find(section.text, *key);
    // A token that shows what stands in the text is worked out each time it's asked for.
    const std::int32_t surface_id = (options.columns & kSurfaces) != 0 ? parts_.model->surface_id() : -1;
    const bool has_surface =
        surface_id >= 0 && std::find(found.ids, found.ids + found.num_tokens, surface_id) != found.ids + found.num_tokens;
    if (found.is_known && !has_surface) {
      out.append(found.ids, found.words, found.offsets, found.num_tokens, worker.word, section.first_char);
      worker.word += static_cast<std::int32_t>(found.num_words);
      worker.num_chars = found.num_chars;
      return;
    }
  }
  run(section, options, worker);
  worker.num_chars = has_offsets ? num_chars(section.text) : 0;
  out.append(worker.part, worker.word);
  worker.word += static_cast<std::int32_t>(worker.num_words);
  // A token that shows what stands in the text is worked out each time.
  if (key == nullptr || !worker.part.surfaces.empty()) return;
  for (Span& span : worker.part.offsets) {
    span = {span.begin_chars - section.first_char, span.end_chars - section.first_char};
  }
  memory.add(section.text, *key, worker.part, worker.num_words, worker.num_chars);
}

// Leaves the tokens of a piece in worker.part, offsets counted from the text's start, words from the piece's.
void Encoder::run(const Section& section, const EncodeOptions& options, Worker& worker) const {
  worker.part.clear();
  worker.num_words = 0;
  const bool is_tracked = (options.columns & kOffsets) != 0 || (sees_ends_ && section.ends.is_head);
  AlignedText& text = worker.text;
  text.assign(section.text, section.first_char, is_tracked);
  if (parts_.normalizer) parts_.normalizer->apply(text, worker.spare, section.ends);
  if (text.bytes.empty()) return;
  if (normalized_finder_.is_empty()) {
    std::swap(worker.words.text, text);
    run_words(section.ends, worker, options);
    return;
  }
  worker.inner.clear();
  normalized_finder_.split(text.bytes, worker.inner);
  for (const Stretch& stretch : worker.inner) {
    if (stretch.id >= 0) {
      if (!stretch.is_verbatim) {
        worker.part.surfaces.emplace_back(static_cast<std::uint32_t>(worker.part.ids.size()), text.view(stretch.range));
      }
      worker.part.ids.push_back(stretch.id);
      worker.part.words.push_back(static_cast<std::int32_t>(worker.num_words++));
      if ((options.columns & kOffsets) != 0) worker.part.offsets.push_back(text.origin(stretch.range));
      continue;
    }
    const Range range = stretch.range;
    Words& words = worker.words;
    words.text.bytes.assign(text.view(range));
    words.text.is_tracked = is_tracked;
    words.text.origins.clear();
    if (is_tracked) {
      words.text.origins.assign(text.origins.begin() + range.begin_bytes, text.origins.begin() + range.end_bytes);
    }
    // What lies between two added tokens has a head and a tail of its own.
    const bool is_head = range.begin_bytes > 0 || section.ends.is_head;
    const bool is_tail = range.end_bytes < text.size_bytes() || section.ends.is_tail;
    run_words({is_head, is_tail}, worker, options);
  }
}

// The tokens of worker.words.text, which is normalized.
void Encoder::run_words(Ends ends, Worker& worker, const EncodeOptions& options) const {
  Words& words = worker.words;
  words.ranges.assign(1, {0, words.text.size_bytes()});
  if (parts_.pre_tokenizer) parts_.pre_tokenizer->apply(words, worker.spare_words, ends);
  Tokens& out = worker.part;
  const std::int32_t surface_id = (options.columns & kSurfaces) != 0 ? parts_.model->surface_id() : -1;
  for (const Range range : words.ranges) {
    const std::string_view word = words.text.view(range);
    worker.pieces.clear();
    parts_.model->tokenize(word, *worker.model_scratch, worker.pieces);
    for (const Piece& piece : worker.pieces) {
      if (surface_id >= 0 && piece.id == surface_id) {
        out.surfaces.emplace_back(static_cast<std::uint32_t>(out.ids.size()),
                                  word.substr(piece.begin_bytes, piece.end_bytes - piece.begin_bytes));
      }
      out.ids.push_back(piece.id);
      out.words.push_back(static_cast<std::int32_t>(worker.num_words));
      if ((options.columns & kOffsets) != 0) {
        out.offsets.push_back(
            words.text.origin({range.begin_bytes + piece.begin_bytes, range.begin_bytes + piece.end_bytes}));
      }
    }
    ++worker.num_words;
  }
}

}  // namespace dure
