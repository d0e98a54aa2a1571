// Normalizers: AlignedText in, AlignedText out. Each is immutable and shared by threads.
//
// Texts are cut into pieces that are normalized one by one (see tokenizer.h): before a space (U+0020) that follows a
// plain character (see unicode.h), so that every piece but the last ends in one, and the last one has one. A normalizer
// must say whether that gives the same as the whole.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "dure/json.h"
#include "dure/text.h"

namespace dure {

// Which end of the original text (or of the part between two added tokens) a piece of text holds. Steps that look at
// the ends act only where they are.
struct Ends {
  bool is_head = true;
  bool is_tail = true;
};

class Normalizer {
 public:
  virtual ~Normalizer() = default;

  // Normalizes `text` in place; `scratch` is memory that is kept between calls.
  virtual void apply(AlignedText& text, AlignedText& scratch, Ends ends) const = 0;

  // Whether pieces may be normalized one by one. `heads` are the characters that what stands behind a cut may begin
  // with when it comes to this step; those that the step makes of them are added. A conservative false costs only
  // speed.
  virtual bool keeps_cuts(std::u32string& heads) const = 0;
  bool is_local() const;
  // True when what stands behind a cut begins with a space (U+0020) even now. If not, a pre-tokenizer that was promised
  // a space there can't know whether it may be given the pieces one by one.
  bool keeps_spaces() const;
  // True when the result depends on `ends`.
  virtual bool sees_ends() const { return false; }
  // Whether the pieces of that text also come from the same places as in the whole. Where not (which is rare, and known
  // by the first characters), a text whose origins are tracked must not be cut.
  virtual bool has_local_origins(std::string_view) const { return true; }
  // Whether there are texts without local origins.
  virtual bool may_shift_origins() const { return false; }
  // False when a step behind this one may see a text that begins with something else than printable ASCII where the
  // original text begins with a printable ASCII character behind any number of spaces.
  virtual bool keeps_leading_ascii() const { return true; }
};

// From a section of tokenizer.json; null for null. Throws JsonError that names an unknown type and the known ones.
std::unique_ptr<const Normalizer> normalizer_from_json(const Json* json);

// The factories behind it, by kind; each lives in its own file under cpp/src. `json` is the component's own object.
std::unique_ptr<const Normalizer> make_bert_normalizer(const Json& json);        // normalizer_bert.cpp
std::unique_ptr<const Normalizer> make_unicode_form(const std::string& type);    // normalizer_forms.cpp: NFC, ...
std::unique_ptr<const Normalizer> make_character_step(const std::string& type);  // normalizer_characters.cpp: Nmt, ...
std::unique_ptr<const Normalizer> make_strip(const Json& json);                  // normalizer_ends.cpp
std::unique_ptr<const Normalizer> make_prepend(const Json& json);                // normalizer_ends.cpp
std::unique_ptr<const Normalizer> make_precompiled(const Json& json);            // normalizer_precompiled.cpp
std::unique_ptr<const Normalizer> make_replace(const Json& json);                // normalizer_replace.cpp

// Steps that several normalizers share.
enum class NormalForm { kNfc, kNfd, kNfkc, kNfkd };
void to_normal_form(NormalForm form, AlignedText& text, AlignedText& scratch);  // normalizer_forms.cpp
void to_lower(AlignedText& text, AlignedText& scratch);                         // normalizer_characters.cpp

// Throws std::invalid_argument for a text that steps have blown up beyond all measure (1 GiB): positions have 32 bits.
void check_size(std::size_t size_bytes);

// What stands behind a cut before most steps: a space, or what SentencePiece writes for one.
constexpr char32_t kVisibleSpace = 0x2581;
bool are_spaces(std::u32string_view heads);

}  // namespace dure
