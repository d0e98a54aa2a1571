// Which pieces of Unigram are dropped: those without which the likelihood of the corpus falls least.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "dure/parallel.h"
#include "trainer_unigram.h"

namespace dure {
namespace {

constexpr double kDropped = std::numeric_limits<double>::quiet_NaN();
constexpr double kAlwaysKept = std::numeric_limits<double>::infinity();

}  // namespace

// The best way over `size` places from `start`; of equally good ones that with the longest last piece.
void UnigramTraining::find_best_way(std::uint32_t start, std::uint32_t size, std::uint64_t begin_edges,
                                    bool without_whole, LatticeScratch& scratch) const {
  std::vector<double>& best = scratch.best;
  best.assign(size + 1, kMinusInfinity);
  best[0] = 0.0;
  scratch.best_piece.assign(size + 1, 0);
  scratch.best_length.assign(size + 1, 1);
  std::uint64_t edge = begin_edges;
  for (std::uint32_t i = 0; i < size; ++i) {
    edge = for_each_edge(start + i, edge, [&](std::uint32_t id, std::uint32_t length, double score) {
      if (i + length > size || (without_whole && length == size)) return;
      const double sum = best[i] + score;
      if (sum <= best[i + length]) return;
      best[i + length] = sum;
      scratch.best_piece[i + length] = id;
      scratch.best_length[i + length] = length;
    });
  }
}

void UnigramTraining::find_edges_of_words() {
  word_edges_.resize(counts_.size());
  for (const Share& share : shares_) {
    std::uint64_t edge = share.begin_edges;
    for (std::size_t word = share.begin_word; word < share.end_word; ++word) {
      word_edges_[word] = edge;
      for (std::uint32_t place = starts_[word]; place < starts_[word + 1]; ++place) edge += num_edges_[place];
    }
  }
}

std::uint64_t UnigramTraining::edges_at(std::uint32_t place) const {
  const auto word = std::upper_bound(starts_.begin(), starts_.end(), place) - starts_.begin() - 1;
  std::uint64_t edge = word_edges_[static_cast<std::size_t>(word)];
  for (std::uint32_t i = starts_[static_cast<std::size_t>(word)]; i < place; ++i) edge += num_edges_[i];
  return edge;
}

// How often each piece is used when every word is split the best way.
std::vector<std::uint64_t> UnigramTraining::count_best() const {
  std::vector<std::uint64_t> counts(pieces_.size(), 0);
  parallel_for(shares_.size(), num_threads_, [&](std::size_t i) {
    LatticeScratch scratch;
    for (std::size_t word = shares_[i].begin_word; word < shares_[i].end_word; ++word) {
      const std::uint32_t start = starts_[word];
      const std::uint32_t size = starts_[word + 1] - 1 - start;
      find_best_way(start, size, word_edges_[word], false, scratch);
      for (std::uint32_t at = size; at > 0; at -= scratch.best_length[at]) {
        // Whole numbers: the order in which threads add them doesn't matter.
        const std::atomic_ref<std::uint64_t> count(counts[scratch.best_piece[at]]);
        count.fetch_add(counts_[word], std::memory_order_relaxed);
      }
    }
  });
  return counts;
}

// How much the likelihood falls without a piece, whose place its second best split would take.
double UnigramTraining::loss_of(std::uint32_t id, const std::vector<std::uint64_t>& counts, double total,
                                double log_total, double num_words, LatticeScratch& scratch) const {
  const UnigramPiece& piece = pieces_[id];
  const auto count = static_cast<double>(counts[id]);
  if (piece.length == 1) return kAlwaysKept;
  find_best_way(piece.place, piece.length, edges_at(piece.place), true, scratch);
  // A piece that isn't the best split of itself has no replacement, and isn't used unless by a tie.
  if (scratch.best[piece.length] >= piece.score) return count == 0 ? kDropped : kAlwaysKept;
  if (count == 0) return kDropped;
  // The original adds the count once for each piece of the vocabulary, where it means each part of the replacement.
  const double log_total_without = std::log(total + count * static_cast<double>(pieces_.size() - 1));
  double log_replaced = 0.0;
  for (std::uint32_t at = piece.length; at > 0; at -= scratch.best_length[at]) {
    log_replaced += std::log(static_cast<double>(counts[scratch.best_piece[at]]) + count) - log_total_without;
  }
  return count / num_words * (std::log(count) - log_total - log_replaced);
}

void UnigramTraining::prune() {
  find_edges_of_words();
  const std::vector<std::uint64_t> counts = count_best();
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  const auto num_words = static_cast<double>(std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}));
  const double log_total = std::log(total);
  std::vector<double> losses(pieces_.size(), kAlwaysKept);
  constexpr std::size_t kBlock = 4096;
  parallel_for((pieces_.size() + kBlock - 1) / kBlock, num_threads_, [&](std::size_t block) {
    LatticeScratch scratch;
    const std::size_t end = std::min(pieces_.size(), (block + 1) * kBlock);
    for (std::size_t id = std::max<std::size_t>(1, block * kBlock); id < end; ++id) {
      losses[id] = loss_of(static_cast<std::uint32_t>(id), counts, total, log_total, num_words, scratch);
    }
  });
  std::vector<std::uint32_t> kept;
  std::vector<std::uint32_t> candidates;
  for (std::uint32_t id = 0; id < losses.size(); ++id) {
    if (std::isnan(losses[id])) continue;
    (losses[id] == kAlwaysKept ? kept : candidates).push_back(id);
  }
  const double shrunk = static_cast<double>(pieces_.size()) * settings_.shrinking_factor;
  std::uint64_t size = desired_size();
  if (shrunk > 0) size = std::max(size, static_cast<std::uint64_t>(std::min(shrunk, 1e18)));
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&losses](std::uint32_t a, std::uint32_t b) { return losses[a] > losses[b]; });
  for (const std::uint32_t id : candidates) {
    if (kept.size() == size) break;
    kept.push_back(id);
  }
  word_edges_ = {};
  keep(kept);
}

}  // namespace dure
