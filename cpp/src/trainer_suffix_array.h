// Suffix arrays in linear time, and the substrings that occur more than once.
#pragma once

#include <cstdint>
#include <vector>

namespace dure {

// A substring of a text that is followed by at least two different symbols. Its places are suffixes[begin] ...
// suffixes[end - 1].
struct RepeatedSubstring {
  std::uint32_t begin;
  std::uint32_t end;
  std::uint32_t length;
};

// The starts of all suffixes in the order of the suffixes; an end of text comes before any symbol. Symbols are below
// `num_symbols`; the text is shorter than 2^31.
std::vector<std::int32_t> sort_suffixes(const std::vector<std::uint32_t>& text, std::uint32_t num_symbols);

// All of them with a length of 2 to `max_length` in which symbol 0 doesn't occur.
std::vector<RepeatedSubstring> find_repeated(const std::vector<std::uint32_t>& text,
                                             const std::vector<std::int32_t>& suffixes, std::uint32_t max_length);

}  // namespace dure
