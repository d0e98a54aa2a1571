// The training of Unigram, which three files share: where pieces come from (trainer_unigram_seeds.cpp), how likely they
// are (trainer_unigram.cpp) and which of them are dropped (trainer_unigram_prune.cpp).
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "trainer_settings.h"
#include "trainer_suffix_array.h"

namespace dure {

constexpr double kUnknownPenalty = 10.0;
constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

struct UnigramPiece {
  double score;
  std::uint32_t place;  // one of the places where it occurs
  std::uint32_t length;
};

// A share of the words with their lattices. Shares don't depend on the number of threads, and their sums are added in
// order, so the result doesn't either.
struct Share {
  std::size_t begin_word;
  std::size_t end_word;
  std::uint64_t begin_edges;  // in the common list
};

// Memory of one thread for the lattice of one word.
struct LatticeScratch {
  std::vector<double> best;     // score of the best way to each place
  std::vector<double> forward;  // sum over all ways to each place, in units of the best
  std::vector<double> backward;
  std::vector<double> weights;  // by edge
  std::vector<std::uint32_t> best_piece;   // that the best way to each place ends with
  std::vector<std::uint32_t> best_length;  // of that piece
};

class UnigramTraining {
 public:
  // Reads the words and finds the pieces to begin with. What it's given must outlive it.
  UnigramTraining(const TrainerSettings& settings, WordCounter& words, const TrainProgress& progress,
                  unsigned num_threads);

  void run();
  std::string model() const;

 private:
  std::uint64_t desired_size() const {
    return settings_.vocab_size > UINT64_MAX / 11 ? settings_.vocab_size : settings_.vocab_size * 11 / 10;
  }

  // The text of all words as symbols, each word followed by symbol 0.
  void read_words(WordCounter& counter);
  // Characters that the vocabulary must hold, in order.
  std::vector<char32_t> required_chars() const;
  void check_vocab_size() const;
  void make_seeds();
  void build_lattices(const std::vector<std::int32_t>& suffixes, const std::vector<RepeatedSubstring>& seeds);
  void make_shares();
  std::vector<double> expect();
  void expect_in_word(std::size_t word, std::uint64_t begin_edges, std::uint64_t end_edges, LatticeScratch& scratch,
                      std::vector<double>& expected) const;
  void maximize(const std::vector<double>& expected);
  void prune();
  std::vector<std::uint64_t> count_best() const;
  double loss_of(std::uint32_t id, const std::vector<std::uint64_t>& counts, double total, double log_total,
                 double num_words, LatticeScratch& scratch) const;
  void find_best_way(std::uint32_t start, std::uint32_t size, std::uint64_t begin_edges, bool without_whole,
                     LatticeScratch& scratch) const;
  void find_edges_of_words();
  std::uint64_t edges_at(std::uint32_t place) const;
  void keep(const std::vector<std::uint32_t>& ids);
  std::string text_of(const UnigramPiece& piece) const;

  // Calls visit(piece, length, score) for all pieces at a place: those of the lattice, shortest first, and the unknown
  // one (piece 0) where no single character is known.
  template <typename Visit>
  std::uint64_t for_each_edge(std::uint32_t place, std::uint64_t edge, const Visit& visit) const {
    const std::uint64_t end = edge + num_edges_[place];
    const bool has_single = edge < end && pieces_[edges_[edge]].length == 1;
    if (!has_single) visit(std::uint32_t{0}, std::uint32_t{1}, unknown_score_);
    for (; edge < end; ++edge) {
      const UnigramPiece& piece = pieces_[edges_[edge]];
      visit(edges_[edge], piece.length, piece.score);
    }
    return end;
  }

  const TrainerSettings& settings_;
  const TrainProgress& progress_;
  unsigned num_threads_;
  std::vector<char32_t> alphabet_;      // by symbol
  std::vector<std::uint32_t> symbols_;  // of all words
  std::vector<std::uint32_t> starts_;   // of each word, and the end
  std::vector<std::uint64_t> counts_;
  std::vector<UnigramPiece> pieces_;  // 0 stands for what is unknown
  double unknown_score_ = 0.0;
  std::vector<std::uint32_t> edges_;      // pieces that begin at each place, in order of place and length
  std::vector<std::uint16_t> num_edges_;  // by place
  std::vector<std::uint64_t> word_edges_;  // where the edges of each word begin; only during pruning
  std::vector<Share> shares_;
};

}  // namespace dure
