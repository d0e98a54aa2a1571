// Encoder: one text to tokens, before special tokens are put around it.
//
// How it's fast: a text is cut where that can't change the result (before a space that follows a letter, a digit or ASCII
// punctuation, if every part of the tokenizer says that it's local), and what became of a piece is remembered: most pieces
// of most texts have been seen before. Normalizers, pre-tokenizers and models run for new pieces only.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "dure/added_tokens.h"
#include "dure/decoder.h"
#include "dure/encoding.h"
#include "dure/model.h"
#include "dure/normalizer.h"
#include "dure/piece_memory.h"
#include "dure/post_processor.h"
#include "dure/pre_tokenizer.h"
#include "dure/truncation.h"

namespace dure {

// What a tokenizer is made of; serialize.h reads and writes it. Parts are shared by copies with other added tokens.
struct TokenizerParts {
  std::shared_ptr<const std::string> source;  // the tokenizer.json that it was read from, for writing it back
  std::vector<AddedToken> added_tokens;       // by id
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

class Encoder {
 public:
  // `parts` must outlive the encoder.
  explicit Encoder(const TokenizerParts& parts);
  ~Encoder();

  // Memory of one thread, kept between texts and calls: take one, use it, give it back.
  class Worker;
  struct GiveBack {
    const Encoder* encoder;
    void operator()(Worker* worker) const;
  };
  using WorkerPtr = std::unique_ptr<Worker, GiveBack>;
  WorkerPtr take_worker() const;

  // Replaces `out` by the tokens of a text. With `num_threads` above 1 a long text is tokenized in parts.
  void tokenize(const Input& input, const EncodeOptions& options, unsigned num_threads, Worker& worker, Tokens& out) const;

  bool cuts() const { return cuts_; }

 private:
  // A part of a text, and what of the text lies before it.
  struct Section {
    std::string_view text;
    std::uint32_t first_char = 0;
    Ends ends;
  };
  void tokenize_text(std::string_view text, const EncodeOptions& options, unsigned num_threads, Worker& worker,
                     Tokens& out) const;
  bool cuts_text(std::string_view text, const EncodeOptions& options) const;
  void tokenize_section(const Section& section, const EncodeOptions& options, Worker& worker, Tokens& out) const;
  void tokenize_long(const Section& section, const EncodeOptions& options, unsigned num_threads, Worker& worker,
                     Tokens& out) const;
  // Without a key the piece isn't looked up, nor remembered.
  void tokenize_piece(const Section& section, const EncodeOptions& options, const PieceMemory::Key* key, Worker& worker,
                      Tokens& out) const;
  std::uint32_t place_of(Ends ends, bool is_first_section) const;
  void run(const Section& section, const EncodeOptions& options, Worker& worker) const;
  void run_words(Ends ends, Worker& worker, const EncodeOptions& options) const;

  const TokenizerParts& parts_;
  TokenFinder raw_finder_;
  TokenFinder normalized_finder_;
  bool cuts_ = false;
  bool sees_ends_ = false;
  bool is_one_word_ = false;  // no pre-tokenizer parts a text
  mutable std::mutex guard_;
  mutable std::vector<std::unique_ptr<Worker>> idle_;
};

// Where a text may be cut, if its tokenizer allows it: the first place behind `begin` before a space that follows a plain
// character (a letter of a script that uses spaces, a digit, ASCII punctuation); the end of the text where there's none.
// The last piece of a text always holds a plain character, unless it's the only one.
std::size_t next_cut(std::string_view text, std::size_t begin);

}  // namespace dure
