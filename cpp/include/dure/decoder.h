// Decoders: tokens in, text out.
#pragma once

#include <string>
#include <vector>

namespace dure {

// Joins pieces with spaces, and continued ones (`prefix`) without; `cleanup` removes the spaces before punctuation and in
// English contractions that BERT's tokenization put there.
std::string decode_wordpiece(const std::vector<std::string>& tokens, const std::string& prefix, bool cleanup);

}  // namespace dure
