// Joins in order: a heap of ranks, and for each rank its places from left to right.
#include "dure/merge_queue.h"

#include <algorithm>

namespace dure {

void MergeQueue::reset(std::size_t num_ranks) {
  for (; !ranks_.empty(); ranks_.pop()) release(ranks_.top());
  if (index_.size() < num_ranks) index_.resize(num_ranks, kNone);
}

MergeQueue::Bucket& MergeQueue::bucket_of(std::uint32_t rank) {
  std::uint32_t& index = index_[rank];
  if (index == kNone) {
    ranks_.push(rank);
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(buckets_.size()));
      buckets_.emplace_back();
    }
    index = free_.back();
    free_.pop_back();
  }
  return buckets_[index];
}

void MergeQueue::release(std::uint32_t rank) {
  Bucket& bucket = buckets_[index_[rank]];
  bucket.places.clear();
  bucket.next = 0;
  bucket.is_sorted = true;
  bucket.is_read = false;
  bucket.late = {};
  free_.push_back(index_[rank]);
  index_[rank] = kNone;
}

void MergeQueue::push(Entry entry) {
  Bucket& bucket = bucket_of(entry.rank);
  const bool is_behind = bucket.places.empty() || bucket.places.back() <= entry.place;
  if (!is_behind && bucket.is_read) return bucket.late.push(entry.place);
  bucket.is_sorted = bucket.is_sorted && is_behind;
  bucket.places.push_back(entry.place);
}

std::optional<MergeQueue::Entry> MergeQueue::pop() {
  while (!ranks_.empty()) {
    const std::uint32_t rank = ranks_.top();
    Bucket& bucket = buckets_[index_[rank]];
    if (!bucket.is_sorted) std::sort(bucket.places.begin(), bucket.places.end());
    bucket.is_sorted = bucket.is_read = true;
    const bool has_places = bucket.next < bucket.places.size();
    if (!bucket.late.empty() && (!has_places || bucket.late.top() < bucket.places[bucket.next])) {
      const std::uint32_t place = bucket.late.top();
      bucket.late.pop();
      return Entry{rank, place};
    }
    if (has_places) return Entry{rank, bucket.places[bucket.next++]};
    ranks_.pop();
    release(rank);
  }
  return std::nullopt;
}

}  // namespace dure
