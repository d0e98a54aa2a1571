// Pre-tokenizers: a normalized text in, words out. Each is immutable and shared by threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dure/json.h"
#include "dure/normalizer.h"
#include "dure/regex.h"
#include "dure/text.h"

namespace dure {

// A text and its words, in order. What lies between them was dropped. A step may rewrite the text (Metaspace,
// ByteLevel). After a last ByteLevel step that was asked to keep bytes, words are raw bytes, not the characters that
// stand for them.
struct Words {
  AlignedText text;
  std::vector<Range> ranges;
  std::vector<Range> matches;  // memory of the steps

  void clear() {
    text.bytes.clear();
    text.origins.clear();
    ranges.clear();
  }
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  // Splits each word further (and may rewrite it). Empty words are never produced. `scratch` is memory kept between
  // calls.
  virtual void apply(Words& words, Words& scratch, Ends ends) const = 0;

  // As for Normalizer: true when a text may be cut before a space that follows a letter, a digit or ASCII punctuation,
  // and the space is a border between words too. It speaks of the text that the pre-tokenizer is given: a normalizer
  // must have left the space alone (and a character before it that isn't white space).
  virtual bool is_local() const = 0;
  // True when such a cut at most adds a border between words there: what is local, and what neither knows nor moves the
  // cut, so that a later local step of a Sequence makes up for it.
  virtual bool is_cuttable() const { return is_local(); }
  // True when that holds for a cut anywhere.
  virtual bool is_charwise() const { return false; }
  // True when all that holds as well where a normalizer made SentencePiece's visible space (U+2581) of the space.
  virtual bool takes_visible_spaces() const { return false; }
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

// What becomes of the matches of a pattern that a text is split by: dropped, words of their own, joined to the word
// before or after, or one word with the matches beside them.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };
SplitBehavior split_behavior_from_name(const std::string& name);

// The steps behind it; each file says what they do. With `inverted`, what lies between matches is treated as the
// matches, and these as the text. (pre_tokenizer_split.cpp)
std::unique_ptr<const PreTokenizer> make_split(std::shared_ptr<const Regex> regex, SplitBehavior behavior,
                                               bool inverted);
std::unique_ptr<const PreTokenizer> make_bert_pre_tokenizer();                          // pre_tokenizer_simple.cpp
std::unique_ptr<const PreTokenizer> make_unicode_scripts();                             // pre_tokenizer_simple.cpp
std::unique_ptr<const PreTokenizer> make_fixed_length(std::size_t length_chars);        // pre_tokenizer_simple.cpp
std::unique_ptr<const PreTokenizer> make_metaspace(const Json& json);                   // pre_tokenizer_metaspace.cpp
std::unique_ptr<const PreTokenizer> make_byte_level(const Json& json, bool keeps_bytes);  // byte_level.cpp

// The character that stands for each byte in byte-level vocabularies (GPT-2), and back (-1: stands for none).
char32_t byte_to_char(unsigned char byte);
int char_to_byte(char32_t code);
// A token of a byte-level vocabulary as bytes; false (and `out` unchanged) when some character stands for no byte.
bool to_bytes(std::string_view token, std::string& out);

}  // namespace dure
