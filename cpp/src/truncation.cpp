#include "dure/truncation.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace dure {

std::vector<TokenRange> cut(std::uint32_t length, std::uint32_t kept, std::uint32_t stride, bool is_left) {
  if (kept >= length) return {{0, length}};
  if (kept == 0) return {{0, 0}, {0, length}};
  if (stride >= kept) {
    throw std::invalid_argument("stride " + std::to_string(stride) + " must be smaller than the " + std::to_string(kept) +
                                " tokens that max_length leaves for the text");
  }
  const std::uint32_t step = kept - stride;
  std::vector<TokenRange> ranges;
  if (!is_left) {
    for (std::uint32_t begin = 0; begin < length; begin += step) {
      ranges.push_back({begin, std::min(begin + kept, length)});
      if (ranges.back().end == length) break;
    }
  } else {
    for (std::uint32_t end = length; end > 0; end -= std::min(step, end)) {
      ranges.push_back({end < kept ? 0 : end - kept, end});
      if (ranges.back().begin == 0) break;
    }
  }
  return ranges;
}

Kept share(std::uint32_t first, std::uint32_t second, bool is_pair, std::uint32_t room, TruncationStrategy strategy) {
  const std::uint32_t total = first + second;
  if (total <= room) return {first, second};
  const std::uint32_t excess = total - room;
  if (strategy == TruncationStrategy::kLongestFirst) {
    if (!is_pair) return {room, 0};
    // The shorter text keeps all it has while the longer gives; once they are equal they share.
    std::uint32_t small = std::min(first, second);
    std::uint32_t large = small > room ? small : std::max(small, room - small);
    if (small + large > room) {
      small = room / 2;
      large = small + room % 2;
    }
    return first > second ? Kept{large, small} : Kept{small, large};
  }
  const bool is_first = strategy == TruncationStrategy::kOnlyFirst;
  const std::uint32_t target = is_first ? first : second;
  if (target <= excess) {
    throw std::invalid_argument("the " + std::string(is_first ? "first" : "second") + " text has " + std::to_string(target) +
                                " tokens, but " + std::to_string(excess) +
                                " would have to go to respect max_length: raise max_length or use truncation='longest_first'");
  }
  return is_first ? Kept{first - excess, second} : Kept{first, second - excess};
}

}  // namespace dure
