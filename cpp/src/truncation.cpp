// Truncation as the original does it, as arithmetic on lengths.
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
    throw std::invalid_argument("stride " + std::to_string(stride) + " must be smaller than the " +
                                std::to_string(kept) +
                                " tokens that max_length leaves for the text");
  }
  const std::uint32_t step = kept - stride;
  std::vector<TokenRange> ranges;
  if (!is_left) {
    for (std::uint32_t begin = 0;; begin += step) {
      ranges.push_back({begin, begin + std::min(kept, length - begin)});
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
  const std::uint64_t total = std::uint64_t{first} + second;
  if (total <= room) return {first, second};
  if (room == 0) return {0, 0};  // whatever the strategy, in the original too
  if (strategy == TruncationStrategy::kLongestFirst) {
    if (!is_pair) return {room, 0};
    // The shorter text keeps all it has while the longer gives; once they are equal they share.
    std::uint32_t small = std::min(first, second);
    std::uint32_t large = small > room ? small : std::max(small, room - small);
    if (std::uint64_t{small} + large > room) {
      small = room / 2;
      large = small + room % 2;
    }
    return first > second ? Kept{large, small} : Kept{small, large};
  }
  const bool is_first = strategy == TruncationStrategy::kOnlyFirst;
  if (!is_first && !is_pair) {
    throw std::invalid_argument("the truncation strategy 'only_second' needs a second text, but only one was given");
  }
  const std::uint32_t target = is_first ? first : second;
  const std::uint64_t excess = total - room;
  if (target <= excess) {
    throw std::invalid_argument("the " + std::string(is_first ? "first" : "second") + " text has " +
                                std::to_string(target) + " tokens, but " + std::to_string(excess) +
                                " would have to go to respect max_length: raise it or use 'longest_first'");
  }
  const auto kept = static_cast<std::uint32_t>(target - excess);
  return is_first ? Kept{kept, second} : Kept{first, kept};
}

}  // namespace dure
