// Pre-tokenizers: a normalized text in, words out. Each is immutable and shared by threads.
#pragma once

#include <memory>
#include <vector>

#include "dure/json.h"
#include "dure/normalizer.h"
#include "dure/text.h"

namespace dure {

// A text and its words, in order. What lies between them was dropped. A step may rewrite the text (Metaspace, ByteLevel).
struct Words {
  AlignedText text;
  std::vector<Range> ranges;
  // After a last ByteLevel step that was asked to keep bytes: words are raw bytes, not the characters that stand for them.
  void clear() {
    text.bytes.clear();
    text.origins.clear();
    ranges.clear();
  }
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  // Splits each word further (and may rewrite it). Empty words are never produced. `scratch` is memory kept between calls.
  virtual void apply(Words& words, Words& scratch, Ends ends) const = 0;

  // As for Normalizer: true when a text may be cut before a space that follows a letter, a digit or ASCII punctuation,
  // and the space is a border between words too.
  virtual bool is_local() const = 0;
  virtual bool sees_ends() const { return false; }
};

struct PreTokenizerOptions {
  // A ByteLevel step at the end of the chain leaves bytes as they are (the model was built with byte strings).
  bool keeps_bytes = false;
};

// From a section of tokenizer.json; null for null. Throws JsonError that names an unknown type and the known ones.
std::unique_ptr<const PreTokenizer> pre_tokenizer_from_json(const Json* json, PreTokenizerOptions options = {});

// True when the last step of a pre-tokenizer (or of a normalizer) is ByteLevel.
bool ends_in_byte_level(const Json* json);

// The character that stands for each byte in byte-level vocabularies (GPT-2), and back (-1: stands for none).
char32_t byte_to_char(unsigned char byte);
int char_to_byte(char32_t code);
// A token of a byte-level vocabulary as bytes; false (and `out` unchanged) when some character stands for no byte.
bool to_bytes(std::string_view token, std::string& out);

}  // namespace dure
