// Decoders: tokens in, text out.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dure/json.h"

namespace dure {

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Rewrites the tokens of one text; joined without anything between, they are the text. Steps of a chain see the
  // tokens that the step before them left, as in the original (`decode_chain`).
  virtual void apply(std::vector<std::string>& tokens) const = 0;

  // What the text of one token is when it depends on nothing but whether it's the first: then a batch is decoded by
  // concatenating what was computed once. False where it depends on more (byte fallback, CTC, the last token, ...).
  // ByteLevel is piecewise although a character may span tokens: pieces are raw bytes (`yields_bytes`), and the whole
  // goes through repair_utf8 once.
  virtual bool is_piecewise() const { return false; }
  virtual bool yields_bytes() const { return false; }
  virtual std::string piece(std::string_view token, bool is_first) const {
    (void)is_first;
    return std::string(token);
  }
  // True when one token is left: a step that follows sees the whole text (Fuse, ByteLevel).
  virtual bool joins_tokens() const { return false; }
};

// From a section of tokenizer.json; null for null (tokens are joined by spaces then). Fields that the file lacks have
// the defaults of the original's constructors. Throws JsonError that names an unknown type and the known ones.
std::unique_ptr<const Decoder> decoder_from_json(const Json* json);

// Bytes as valid UTF-8: each maximal ill-formed subsequence becomes one U+FFFD (The Unicode Standard, section 3.9, and
// what Rust's from_utf8_lossy and Python's errors="replace" do).
std::string repair_utf8(std::string_view bytes);

// True for well-formed UTF-8: no surrogates, nothing overlong, nothing above U+10FFFF.
bool is_utf8(std::string_view bytes);

// Removes the spaces before punctuation and in English contractions, as WordPiece's cleanup does with one token.
void clean_up(std::string& text);

// The same for a whole text, as transformers' `clean_up_tokenization` has it: other rules, one after the other.
void clean_up_text(std::string& text);

}  // namespace dure
