// Joining symbols: short words by searching all pairs for the lowest rank again and again, long ones with a queue.
#include "dure/bpe_merges.h"

#include <algorithm>
#include <optional>

namespace dure {
namespace {

// Up to so many symbols, searching all pairs beats the queue.
constexpr std::size_t kShort = 96;
constexpr std::uint32_t kNobody = UINT32_MAX;

// A number from 0 up to 1 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
float draw(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15U;
  std::uint64_t bits = state;
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9U;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBU;
  return static_cast<float>((bits ^ (bits >> 31)) >> 40) * 0x1p-24F;
}

}  // namespace

void Merges::reserve(std::size_t num_merges) {
  results_.reserve(num_merges);
  unsigned bits = 1;
  while ((std::size_t{1} << bits) < num_merges * 2) ++bits;
  if (bits > 64 - shift_) resize(bits);
}

void Merges::resize(unsigned bits) {
  std::vector<Entry> old(std::size_t{1} << bits);
  old.swap(entries_);
  shift_ = 64 - bits;
  mask_ = entries_.size() - 1;
  for (const Entry& entry : old) {
    if (entry.pair == kFree) continue;
    std::size_t at = slot(entry.pair);
    while (entries_[at].pair != kFree) at = (at + 1) & mask_;
    entries_[at] = entry;
  }
}

void Merges::add(std::int32_t left, std::int32_t right, std::int32_t result) {
  if ((num_entries_ + 1) * 2 > entries_.size()) resize(64 - shift_ + 1);
  const std::uint64_t pair = key(left, right);
  std::size_t at = slot(pair);
  while (entries_[at].pair != kFree && entries_[at].pair != pair) at = (at + 1) & mask_;
  if (entries_[at].pair == kFree) ++num_entries_;
  entries_[at] = {pair, {static_cast<std::uint32_t>(results_.size()), result}};
  results_.push_back(result);
}

std::vector<Merges::Entry> Merges::sorted() const {
  std::vector<Entry> all;
  all.reserve(num_entries_);
  for (const Entry& entry : entries_) {
    if (entry.pair != kFree) all.push_back(entry);
  }
  const auto by_rank = [](const Entry& left, const Entry& right) { return left.merge.rank < right.merge.rank; };
  std::sort(all.begin(), all.end(), by_rank);
  return all;
}

void Merges::apply(std::vector<Symbol>& symbols, Scratch& scratch) const {
  if (symbols.size() > kShort) return apply_queue(symbols, 0, scratch);
  if (symbols.size() < 2) return;
  // pairs[i] says what becomes of symbols i and i + 1.
  std::vector<Merge>& pairs = scratch.pairs;
  pairs.resize(symbols.size() - 1);
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = find(symbols[i].id, symbols[i + 1].id);
  while (!pairs.empty()) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < pairs.size(); ++i) best = pairs[i].rank < pairs[best].rank ? i : best;
    if (pairs[best].rank == kNever) return;
    symbols[best] = {pairs[best].id, symbols[best].size + symbols[best + 1].size};
    const auto offset = static_cast<std::ptrdiff_t>(best);
    symbols.erase(symbols.begin() + offset + 1);
    pairs.erase(pairs.begin() + offset);
    if (best > 0) pairs[best - 1] = find(symbols[best - 1].id, symbols[best].id);
    if (best < pairs.size()) pairs[best] = find(symbols[best].id, symbols[best + 1].id);
  }
}

void Merges::enqueue(const std::vector<Symbol>& symbols, std::uint32_t left, std::uint32_t right,
                     MergeQueue& queue) const {
  const Merge merge = find(symbols[left].id, symbols[right].id);
  if (merge.rank != kNever) queue.push({merge.rank, left});
}

// Joins the pair of an entry, unless the entry is outdated; then nothing changes.
bool Merges::join(MergeQueue::Entry entry, std::vector<Symbol>& symbols, Scratch& scratch) const {
  const auto [rank, place] = entry;
  const std::int32_t result = results_[rank];
  Symbol& left = symbols[place];
  const std::uint32_t next = scratch.links[place].next;
  if (left.size == 0 || next == kNobody) return false;
  Symbol& right = symbols[next];
  // As in the original, an entry counts as long as the pair at its place gives its result.
  if (find(left.id, right.id).id != result) return false;
  left = {result, left.size + right.size};
  right.size = 0;
  const std::uint32_t after = scratch.links[next].next;
  scratch.links[place].next = after;
  if (after != kNobody) scratch.links[after].previous = place;
  return true;
}

void Merges::apply_queue(std::vector<Symbol>& symbols, float dropout, Scratch& scratch) const {
  if (symbols.size() < 2) return;
  const auto count = static_cast<std::uint32_t>(symbols.size());
  MergeQueue& queue = scratch.queue;
  queue.reset(results_.size());
  scratch.skipped.clear();
  scratch.links.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    scratch.links[i] = {i == 0 ? kNobody : i - 1, i + 1 == count ? kNobody : i + 1};
    if (i + 1 < count) enqueue(symbols, i, i + 1, queue);
  }
  while (const std::optional<MergeQueue::Entry> top = queue.pop()) {
    if (dropout > 0 && draw(scratch.random_state) < dropout) {
      scratch.skipped.push_back(*top);
      continue;
    }
    for (const MergeQueue::Entry entry : scratch.skipped) queue.push(entry);
    scratch.skipped.clear();
    if (!join(*top, symbols, scratch)) continue;
    const Scratch::Link link = scratch.links[top->place];
    if (link.previous != kNobody) enqueue(symbols, link.previous, top->place, queue);
    if (link.next != kNobody) enqueue(symbols, top->place, link.next, queue);
  }
  std::erase_if(symbols, [](const Symbol& symbol) { return symbol.size == 0; });
}

}  // namespace dure
