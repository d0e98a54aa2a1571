#include "dure/pre_tokenizer.h"

#include "dure/unicode.h"

namespace dure {

void split_bert_words(const AlignedText& text, std::vector<Span>& words) {
  std::uint32_t begin = 0;
  for (std::uint32_t at = 0; at < text.size(); ++at) {
    const std::uint8_t flags = unicode_flags(text.chars[at]);
    if ((flags & (kSpace | kPunctuation)) == 0) continue;
    if (begin < at) words.push_back({begin, at});
    if ((flags & kSpace) == 0) words.push_back({at, at + 1});
    begin = at + 1;
  }
  if (begin < text.size()) words.push_back({begin, text.size()});
}

}  // namespace dure
