// Merges: which two neighbouring symbols of a word become one, in order of rank, and the joining itself.
// Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units" (2016).
#pragma once

#include <cstdint>
#include <vector>

#include "dure/merge_queue.h"

namespace dure {

// A part of a word: a token, and how many units (bytes) of the word it stands for; 0 marks one that was joined.
struct Symbol {
  std::int32_t id;
  std::uint32_t size;
};

class Merges {
 public:
  // What a pair becomes, and how early.
  struct Merge {
    std::uint32_t rank = kNever;
    std::int32_t id = -1;
  };
  struct Entry {
    std::uint64_t pair = kFree;  // the left id in the upper half
    Merge merge;
    std::int32_t left() const { return static_cast<std::int32_t>(pair >> 32); }
    std::int32_t right() const { return static_cast<std::int32_t>(pair & UINT32_MAX); }
  };
  // Memory kept between words.
  struct Scratch {
    struct Link {
      std::uint32_t previous;
      std::uint32_t next;
    };
    std::vector<Merge> pairs;
    std::vector<Link> links;
    MergeQueue queue;
    std::vector<MergeQueue::Entry> skipped;
    std::uint64_t random_state = 0;
  };

  void reserve(std::size_t num_merges);
  // Ranks count up from 0. A pair that was given before takes the new rank and result.
  void add(std::int32_t left, std::int32_t right, std::int32_t result);
  // A rank of kNever where the pair isn't joined.
  Merge find(std::int32_t left, std::int32_t right) const {
    const std::uint64_t pair = key(left, right);
    for (std::size_t at = slot(pair);; at = (at + 1) & mask_) {
      const Entry& entry = entries_[at];
      if (entry.pair == pair || entry.pair == kFree) return entry.merge;
    }
  }
  // All merges by rank.
  std::vector<Entry> sorted() const;

  // Joins what can be joined: always the pair of the lowest rank, the leftmost of equals.
  void apply(std::vector<Symbol>& symbols, Scratch& scratch) const;
  // The same with the original's queue, entry by entry; each join is put off with a probability (Provilkov, Emelianenko
  // and Voita, "BPE-Dropout", 2020). n log n in the number of symbols.
  void apply_queue(std::vector<Symbol>& symbols, float dropout, Scratch& scratch) const;

  static constexpr std::uint32_t kNever = UINT32_MAX;

 private:
  static constexpr std::uint64_t kFree = UINT64_MAX;
  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
  }
  std::size_t slot(std::uint64_t pair) const { return (pair * 0x9E3779B97F4A7C15U) >> shift_; }
  void resize(unsigned bits);
  void enqueue(const std::vector<Symbol>& symbols, std::uint32_t left, std::uint32_t right, MergeQueue& queue) const;
  bool join(MergeQueue::Entry entry, std::vector<Symbol>& symbols, Scratch& scratch) const;

  std::vector<Entry> entries_ = std::vector<Entry>(2);
  unsigned shift_ = 63;
  std::size_t mask_ = 1;
  std::size_t num_entries_ = 0;
  std::vector<std::int32_t> results_;  // by rank
};

}  // namespace dure
