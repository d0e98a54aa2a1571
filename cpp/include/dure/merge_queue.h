// The queue of joins that wait: the lowest rank first, and the leftmost of equals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

namespace dure {

// One heap over all entries touches memory all over the place: with a million symbols, every step of every sift misses
// the caches. Ranks are few and the places of a rank nearly always come from left to right, so here each rank has a list
// of places that is read from front to back, and only the ranks that wait make a heap.
class MergeQueue {
 public:
  struct Entry {
    std::uint32_t rank;
    std::uint32_t place;
  };

  // Empties the queue, for ranks below a number.
  void reset(std::size_t num_ranks);
  void push(Entry entry);
  // The first entry, taken out.
  std::optional<Entry> pop();

 private:
  template <typename Value>
  using Least = std::priority_queue<Value, std::vector<Value>, std::greater<>>;

  struct Bucket {
    std::vector<std::uint32_t> places;  // from `next` on in order, once reading has begun
    std::size_t next = 0;
    bool is_sorted = true;
    bool is_read = false;
    Least<std::uint32_t> late;  // places that came when reading was past them
  };

  static constexpr std::uint32_t kNone = UINT32_MAX;

  Bucket& bucket_of(std::uint32_t rank);
  void release(std::uint32_t rank);

  std::vector<std::uint32_t> index_;  // of a rank's bucket
  std::vector<Bucket> buckets_;
  std::vector<std::uint32_t> free_;
  Least<std::uint32_t> ranks_;
};

}  // namespace dure
