// Normalizers: AlignedText in, AlignedText out.
#pragma once

#include "dure/text.h"

namespace dure {

// The normalization of BERT (google-research/bert, tokenization.py; `BertNormalizer` in tokenizer.json).
// The steps run in this order: clean, spaces around ideographs, accents, lower case.
struct BertNormalizer {
  bool clean_text = true;  // drop control characters, U+0000 and U+FFFD; any white space becomes one space
  bool handle_chinese_chars = true;
  bool strip_accents = true;  // decompose canonically and drop nonspacing marks
  bool lowercase = true;

  // Normalizes `text` in place; `scratch` is memory that is kept between calls.
  void apply(AlignedText& text, AlignedText& scratch) const;
};

}  // namespace dure
