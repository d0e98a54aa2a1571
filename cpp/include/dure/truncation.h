// Truncation: which ranges of a text's tokens become rows. The first range is the row itself, the others its overflow.
#pragma once

#include <cstdint>
#include <vector>

namespace dure {

enum class TruncationStrategy { kLongestFirst, kOnlyFirst, kOnlySecond };

struct Truncation {
  std::uint32_t max_length = 0;  // with special tokens; 0: no truncation
  std::uint32_t stride = 0;      // tokens that neighbouring rows share
  TruncationStrategy strategy = TruncationStrategy::kLongestFirst;
  bool is_left = false;  // cut from the left side
};

struct TokenRange {
  std::uint32_t begin;
  std::uint32_t end;
};

// The ranges of one text of `length` tokens that is cut to `kept` of them.
// Throws std::invalid_argument when `stride` isn't smaller than `kept`.
std::vector<TokenRange> cut(std::uint32_t length, std::uint32_t kept, std::uint32_t stride, bool is_left);

// How many tokens are kept of the first and of the second text, `room` in all.
// Throws std::invalid_argument when the strategy's text is too short to give up that many.
struct Kept {
  std::uint32_t first;
  std::uint32_t second;
};
Kept share(std::uint32_t first, std::uint32_t second, bool is_pair, std::uint32_t room, TruncationStrategy strategy);

}  // namespace dure
