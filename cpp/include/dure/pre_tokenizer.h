// Pre-tokenizers: a normalized text in, words out.
#pragma once

#include <vector>

#include "dure/text.h"

namespace dure {

// BERT's words (`BertPreTokenizer`): split at white space, which is dropped; every punctuation character is a word.
// Appends ranges of positions in `text.chars`.
void split_bert_words(const AlignedText& text, std::vector<Span>& words);

}  // namespace dure
