// Hand-written matchers for the regexes that tokenizers are made of. All run in linear time, read a text once or twice,
// and find what the original's regex engine finds; regex.h says what a Regex promises.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "dure/regex.h"
#include "dure/unicode_classes.h"

namespace dure {

// The families of patterns that find_scanner asks in turn; each is null for a pattern that it doesn't know.
//
// Contraction, letters, numbers, other characters, white space, in this order and in all spellings in circulation:
// GPT-2, cl100k, o200k, Llama 3, Qwen, Tekken, CLIP, ... (scanner_words.cpp)
std::shared_ptr<const Regex> find_word_scanner(std::string_view pattern);
// Alternatives of a few character classes in a row that need no backtracking, such as `\s+`, ` {2,}`,
// `[0-9][0-9][0-9]`, ` ?[^(\s|[.,!?])]+`, `\s?[A-Za-z]+`. (scanner_classes.cpp)
std::shared_ptr<const Regex> find_class_scanner(std::string_view pattern);

// Each character of these kinds is a match.
std::shared_ptr<const Regex> make_kind_matcher(Kinds kinds);
// Each punctuation character is a match.
std::shared_ptr<const Regex> make_punctuation_matcher();
// `\w+|[^\w\s]+` with these kinds for the first \w and the second.
std::shared_ptr<const Regex> make_word_or_symbols(Kinds word, Kinds no_symbol);

// What `\s*[\r\n]+` matches at `at`, where `stop` is the end of the run of white space; null for nothing.
const char* after_last_newline(const char* at, const char* stop);
// What `\s+(?!\S)` matches at `at`, the same way.
const char* before_last_space(const char* at, const char* stop, const char* end);

// The parts of a pattern between its outermost `|`.
std::vector<std::string_view> split_alternatives(std::string_view pattern);

}  // namespace dure
