// tokenizer.json: a Tokenizer from its bytes and back. Sections that the engine doesn't use (truncation, padding) are kept.
#pragma once

#include <string>
#include <string_view>

#include "dure/tokenizer.h"

namespace dure {

// Throws JsonError or std::invalid_argument with one sentence: what is wrong, and what is known.
Tokenizer tokenizer_from_json(std::string_view text);
std::string tokenizer_to_json(const Tokenizer& tokenizer);

}  // namespace dure
