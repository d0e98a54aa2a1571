// Normalizers: AlignedText in, AlignedText out. Each is immutable and shared by threads.
#pragma once

#include <memory>

#include "dure/json.h"
#include "dure/text.h"

namespace dure {

// Which end of the original text (or of the part between two added tokens) a piece of text holds. A text may be cut at
// spaces and its pieces normalized one by one (see tokenizer.h); steps that look at the ends act only where they are.
struct Ends {
  bool is_head = true;
  bool is_tail = true;
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;

  // Normalizes `text` in place; `scratch` is memory that is kept between calls.
  virtual void apply(AlignedText& text, AlignedText& scratch, Ends ends) const = 0;

  // True when a text may be cut before a space (U+0020) that follows a letter, a digit or ASCII punctuation, and its
  // pieces normalized one by one with the same result as the whole. A conservative false costs only speed.
  virtual bool is_local() const = 0;
  // True when the result depends on `ends`.
  virtual bool sees_ends() const { return false; }
};

// From a section of tokenizer.json; null for null. Throws JsonError that names an unknown type and the known ones.
std::unique_ptr<const Normalizer> normalizer_from_json(const Json* json);

// The factories behind it, by kind; each lives in its own file under cpp/src. `json` is the component's own object.
std::unique_ptr<const Normalizer> make_bert_normalizer(const Json& json);      // normalizer_bert.cpp
std::unique_ptr<const Normalizer> make_unicode_form(const std::string& type);  // normalizer_forms.cpp: NFC NFD NFKC NFKD
std::unique_ptr<const Normalizer> make_precompiled(const Json& json);          // normalizer_precompiled.cpp
std::unique_ptr<const Normalizer> make_replace(const Json& json);              // normalizer_replace.cpp

}  // namespace dure
