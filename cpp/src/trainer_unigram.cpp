// Unigram: start from all substrings that repeat, and drop those whose loss costs the likelihood of the corpus least
// (Kudo: "Subword Regularization", 2018), step by step as the original library does.
//
// How it's fast: every piece is a substring of the corpus, so a suffix array gives not only the pieces but also all places
// where each occurs. The lattices of all words are built once, as lists of pieces by place, and only thinned out after.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "dure/parallel.h"
#include "dure/utf8.h"
#include "trainer_settings.h"
#include "trainer_suffix_array.h"

namespace dure {
namespace {

constexpr double kUnknownPenalty = 10.0;
constexpr double kMinExpectedCount = 0.5;
constexpr double kMissingCharStep = 0.0001;
// Pruning that doesn't get anywhere for so many rounds won't: the original would go on for ever.
constexpr int kMaxIdleRounds = 32;
constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

struct UnigramPiece {
  double score;
  std::uint32_t place;  // one of the places where it occurs
  std::uint32_t length;
};

// Derivative of the logarithm of the gamma function, by its asymptotic series.
double digamma(double x) {
  double result = 0.0;
  for (; x < 7.0; x += 1.0) result -= 1.0 / x;
  x -= 0.5;
  const double square = 1.0 / (x * x);
  const double fourth = square * square;
  return result + std::log(x) + square / 24.0 - 7.0 / 960.0 * fourth + 31.0 / 8064.0 * fourth * square -
         127.0 / 30720.0 * fourth * fourth;
}

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
  UnigramTraining(const TrainerSettings& settings, WordCounter& words, const TrainProgress& progress, unsigned num_threads)
      : settings_(settings), progress_(progress), num_threads_(num_threads) {
    read_words(words);
    check_vocab_size();
    make_seeds();
  }

  void run() {
    const std::uint64_t target = desired_size();
    const double rounds = std::log(static_cast<double>(pieces_.size()) / static_cast<double>(target + 1)) /
                          -std::log(std::clamp(settings_.shrinking_factor, 0.01, 0.99));
    const std::uint64_t expected_rounds = 1 + static_cast<std::uint64_t>(std::max(rounds, 0.0));
    ProgressReport report(progress_, "EM training", expected_rounds * settings_.n_sub_iterations);
    std::uint64_t done = 0;
    int idle_rounds = 0;
    while (true) {
      const std::size_t size = pieces_.size();
      for (std::uint64_t i = 0; i < settings_.n_sub_iterations; ++i) {
        maximize(expect());
        report.reach(++done);
      }
      if (pieces_.size() <= target) break;
      prune();
      idle_rounds = pieces_.size() < size ? 0 : idle_rounds + 1;
      if (idle_rounds > kMaxIdleRounds) {
        throw std::invalid_argument("the vocabulary doesn't get smaller than " + std::to_string(pieces_.size()) +
                                    " pieces; give a larger vocab_size or a shrinking_factor below 1");
      }
    }
    report.finish();
  }

  std::string model() const;

 private:
  std::uint64_t desired_size() const {
    return settings_.vocab_size > UINT64_MAX / 11 ? settings_.vocab_size : settings_.vocab_size * 11 / 10;
  }

  // The text of all words as symbols, each word followed by symbol 0.
  void read_words(WordCounter& counter) {
    const WordList list = list_words(counter);
    std::vector<char32_t> codes;
    std::vector<char32_t> text;
    text.reserve(list.arena.size() + list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
      starts_.push_back(static_cast<std::uint32_t>(text.size()));
      codes.clear();
      decode_utf8(list.word(i), codes);
      text.insert(text.end(), codes.begin(), codes.end());
      text.push_back(0);
      if (text.size() >= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
        throw std::invalid_argument("the different words have more than 2 billion characters; split texts into words");
      }
    }
    starts_.push_back(static_cast<std::uint32_t>(text.size()));
    counts_ = list.counts;
    alphabet_ = text;
    alphabet_.push_back(0);
    std::sort(alphabet_.begin(), alphabet_.end());
    alphabet_.erase(std::unique(alphabet_.begin(), alphabet_.end()), alphabet_.end());
    alphabet_.shrink_to_fit();
    symbols_.reserve(text.size());
    for (const char32_t code : text) {
      symbols_.push_back(static_cast<std::uint32_t>(std::lower_bound(alphabet_.begin(), alphabet_.end(), code) -
                                                    alphabet_.begin()));
    }
  }

  // Characters that the vocabulary must hold, in order.
  std::vector<char32_t> required_chars() const {
    // A NUL within a word counts as a character of the corpus; the one behind each word doesn't.
    bool has_nul = false;
    for (std::size_t word = 0; word < counts_.size() && !has_nul; ++word) {
      const auto end = symbols_.begin() + starts_[word + 1] - 1;
      has_nul = std::find(symbols_.begin() + starts_[word], end, 0U) != end;
    }
    std::vector<char32_t> chars(alphabet_.begin() + (has_nul ? 0 : 1), alphabet_.end());
    chars.insert(chars.end(), settings_.initial_alphabet.begin(), settings_.initial_alphabet.end());
    std::sort(chars.begin(), chars.end());
    chars.erase(std::unique(chars.begin(), chars.end()), chars.end());
    return chars;
  }

  void check_vocab_size() const {
    const std::size_t count = required_chars().size();
    if (count <= settings_.vocab_size) return;
    throw std::invalid_argument("vocab_size is " + std::to_string(settings_.vocab_size) + ", but the vocabulary must hold the " +
                                std::to_string(count) + " different characters of the corpus; give a larger one");
  }

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

  // Calls visit(piece, length, score) for all pieces at a place: those of the lattice, shortest first, and the unknown one
  // (piece 0) where no single character is known.
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

void UnigramTraining::make_seeds() {
  ProgressReport report(progress_, "Suffix array seeds", counts_.size());
  const std::vector<std::int32_t> suffixes = sort_suffixes(symbols_, static_cast<std::uint32_t>(alphabet_.size()));
  const auto max_length = static_cast<std::uint32_t>(std::min<std::uint64_t>(settings_.max_piece_length, UINT16_MAX));
  std::vector<RepeatedSubstring> seeds = find_repeated(symbols_, suffixes, max_length);
  // Frequency counts occurrences in the list of words, not in the corpus, and wraps: both as in the original.
  const auto score = [](const RepeatedSubstring& seed) { return (seed.end - seed.begin) * seed.length; };
  std::sort(seeds.begin(), seeds.end(), [&score](const RepeatedSubstring& a, const RepeatedSubstring& b) {
    if (score(a) != score(b)) return score(a) > score(b);
    return a.begin != b.begin ? a.begin > b.begin : a.length > b.length;  // the later string first
  });

  std::vector<std::uint64_t> char_counts(alphabet_.size());
  std::vector<std::uint32_t> char_places(alphabet_.size());
  for (std::size_t word = 0; word < counts_.size(); ++word) {
    for (std::uint32_t i = starts_[word]; i + 1 < starts_[word + 1]; ++i) {
      char_counts[symbols_[i]] += counts_[word];
      char_places[symbols_[i]] = i;
    }
  }
  std::vector<std::uint32_t> chars(alphabet_.size() - 1);
  std::iota(chars.begin(), chars.end(), 1U);
  std::sort(chars.begin(), chars.end(), [&char_counts](std::uint32_t a, std::uint32_t b) {
    return char_counts[a] != char_counts[b] ? char_counts[a] > char_counts[b] : a > b;
  });
  pieces_.push_back({std::nan(""), 0, 0});
  for (const std::uint32_t symbol : chars) {
    pieces_.push_back({static_cast<double>(char_counts[symbol]), char_places[symbol], 1});
  }
  // At least one substring gets in, however small seed_size is.
  const std::uint64_t room = settings_.seed_size > chars.size() ? settings_.seed_size - chars.size() : 1;
  if (seeds.size() > room) seeds.resize(room);
  pieces_.reserve(pieces_.size() + seeds.size());
  for (const RepeatedSubstring& seed : seeds) {
    pieces_.push_back({static_cast<double>(score(seed)), static_cast<std::uint32_t>(suffixes[seed.begin]), seed.length});
  }
  double sum = 0.0;
  for (std::size_t id = 1; id < pieces_.size(); ++id) sum += pieces_[id].score;
  const double log_sum = std::log(sum);
  double min_score = std::numeric_limits<double>::infinity();
  for (std::size_t id = 1; id < pieces_.size(); ++id) {
    pieces_[id].score = std::log(pieces_[id].score) - log_sum;
    min_score = std::min(min_score, pieces_[id].score);
  }
  unknown_score_ = min_score - kUnknownPenalty;
  build_lattices(suffixes, seeds);
  make_shares();
  report.finish();
}

void UnigramTraining::build_lattices(const std::vector<std::int32_t>& suffixes,
                                     const std::vector<RepeatedSubstring>& seeds) {
  const std::size_t num_chars = alphabet_.size() - 1;
  num_edges_.assign(symbols_.size(), 0);
  for (std::size_t i = 0; i < symbols_.size(); ++i) num_edges_[i] = symbols_[i] != 0;
  for (const RepeatedSubstring& seed : seeds) {
    for (std::uint32_t i = seed.begin; i < seed.end; ++i) ++num_edges_[static_cast<std::size_t>(suffixes[i])];
  }
  std::vector<std::uint64_t> next(symbols_.size());
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < next.size(); ++i) {
    next[i] = total;
    total += num_edges_[i];
  }
  edges_.resize(total);
  std::vector<std::uint32_t> ids(alphabet_.size());
  for (std::uint32_t id = 1; id <= num_chars; ++id) ids[symbols_[pieces_[id].place]] = id;
  for (std::size_t i = 0; i < symbols_.size(); ++i) {
    if (symbols_[i] != 0) edges_[next[i]++] = ids[symbols_[i]];
  }
  std::vector<std::uint32_t> order(seeds.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&seeds](std::uint32_t a, std::uint32_t b) { return seeds[a].length < seeds[b].length; });
  for (const std::uint32_t index : order) {
    const auto id = static_cast<std::uint32_t>(num_chars + 1 + index);
    for (std::uint32_t i = seeds[index].begin; i < seeds[index].end; ++i) {
      edges_[next[static_cast<std::size_t>(suffixes[i])]++] = id;
    }
  }
}

void UnigramTraining::make_shares() {
  constexpr std::size_t kMaxShares = 8;
  constexpr std::size_t kMinPlaces = 16384;
  const std::size_t num_shares = std::clamp<std::size_t>(symbols_.size() / kMinPlaces, 1, kMaxShares);
  std::uint64_t edge = 0;
  std::size_t word = 0;
  std::uint32_t place = 0;
  for (std::size_t i = 1; i <= num_shares; ++i) {
    const std::size_t end_place = symbols_.size() * i / num_shares;
    Share share{word, word, edge};
    while (word < counts_.size() && starts_[word] < end_place) {
      for (; place < starts_[word + 1]; ++place) edge += num_edges_[place];
      ++word;
    }
    share.end_word = word;
    shares_.push_back(share);
  }
}

// Expected counts of all pieces under the model, and so the first half of a step of EM.
std::vector<double> UnigramTraining::expect() {
  std::vector<std::vector<double>> sums(shares_.size());
  parallel_for(shares_.size(), num_threads_, [&](std::size_t i) {
    const Share& share = shares_[i];
    sums[i].assign(pieces_.size(), 0.0);
    LatticeScratch scratch;
    std::uint64_t edge = share.begin_edges;
    for (std::size_t word = share.begin_word; word < share.end_word; ++word) {
      std::uint64_t end = edge;
      for (std::uint32_t place = starts_[word]; place < starts_[word + 1]; ++place) end += num_edges_[place];
      expect_in_word(word, edge, end, scratch, sums[i]);
      edge = end;
    }
  });
  for (std::size_t i = 1; i < sums.size(); ++i) {
    for (std::size_t id = 0; id < sums[0].size(); ++id) sums[0][id] += sums[i][id];
    sums[i] = {};
  }
  return std::move(sums[0]);
}

// Forward and backward over the lattice of a word. Sums are kept in units of the best way to each place, so they neither
// under- nor overflow in words of any length.
void UnigramTraining::expect_in_word(std::size_t word, std::uint64_t begin_edges, std::uint64_t end_edges,
                                     LatticeScratch& scratch, std::vector<double>& expected) const {
  const std::uint32_t start = starts_[word];
  const std::uint32_t size = starts_[word + 1] - 1 - start;
  std::vector<double>& best = scratch.best;
  best.assign(size + 1, kMinusInfinity);
  best[0] = 0.0;
  std::uint64_t edge = begin_edges;
  for (std::uint32_t i = 0; i < size; ++i) {
    edge = for_each_edge(start + i, edge, [&](std::uint32_t, std::uint32_t length, double score) {
      best[i + length] = std::max(best[i + length], best[i] + score);
    });
  }
  std::vector<double>& forward = scratch.forward;
  forward.assign(size + 1, 0.0);
  forward[0] = 1.0;
  scratch.weights.resize(end_edges - begin_edges + size);
  double* weight = scratch.weights.data();
  edge = begin_edges;
  for (std::uint32_t i = 0; i < size; ++i) {
    edge = for_each_edge(start + i, edge, [&](std::uint32_t, std::uint32_t length, double score) {
      *weight = std::exp(score + best[i] - best[i + length]);
      forward[i + length] += forward[i] * *weight++;
    });
  }
  std::vector<double>& backward = scratch.backward;
  backward.assign(size + 1, 0.0);
  backward[size] = 1.0;
  const double scale = static_cast<double>(counts_[word]) / forward[size];
  edge = end_edges;
  for (std::uint32_t i = size; i-- > 0;) {
    const std::uint64_t begin = edge - num_edges_[start + i];
    const bool has_single = begin < edge && pieces_[edges_[begin]].length == 1;
    double sum = 0.0;
    while (edge > begin) {
      const std::uint32_t id = edges_[--edge];
      const double rest = *--weight * backward[i + pieces_[id].length];
      sum += rest;
      expected[id] += forward[i] * rest * scale;
    }
    // The unknown piece's own expectation is never used.
    if (!has_single) sum += *--weight * backward[i + 1];
    backward[i] = sum;
  }
}

// The second half of a step of EM, with a sparse prior (a Dirichlet process) as in SentencePiece.
void UnigramTraining::maximize(const std::vector<double>& expected) {
  std::vector<std::uint32_t> kept = {0};
  double sum = 0.0;
  for (std::uint32_t id = 1; id < expected.size(); ++id) {
    if (expected[id] < kMinExpectedCount) continue;
    kept.push_back(id);
    sum += expected[id];
  }
  const double log_sum = digamma(sum);
  for (std::size_t i = 1; i < kept.size(); ++i) pieces_[kept[i]].score = digamma(expected[kept[i]]) - log_sum;
  keep(kept);
}

// Keeps these pieces, in this order, and takes all others out of the lattices.
void UnigramTraining::keep(const std::vector<std::uint32_t>& ids) {
  std::vector<std::uint32_t> new_ids(pieces_.size(), 0);
  std::vector<UnigramPiece> kept;
  kept.reserve(ids.size());
  double min_score = std::numeric_limits<double>::infinity();
  for (const std::uint32_t id : ids) {
    new_ids[id] = static_cast<std::uint32_t>(kept.size());
    kept.push_back(pieces_[id]);
    if (id != 0) min_score = std::min(min_score, pieces_[id].score);
  }
  pieces_ = std::move(kept);
  unknown_score_ = min_score - kUnknownPenalty;
  // Each share's edges stay at the place where they begin, so shares can be thinned out at the same time.
  parallel_for(shares_.size(), num_threads_, [&](std::size_t i) {
    std::uint64_t from = shares_[i].begin_edges;
    std::uint64_t to = from;
    for (std::uint32_t place = starts_[shares_[i].begin_word]; place < starts_[shares_[i].end_word]; ++place) {
      std::uint16_t count = 0;
      for (const std::uint64_t end = from + num_edges_[place]; from < end; ++from) {
        const std::uint32_t id = new_ids[edges_[from]];
        if (id == 0) continue;
        edges_[to++] = id;
        ++count;
      }
      num_edges_[place] = count;
    }
  });
}

// The best way over `size` places from `start`; of equally good ones that with the longest last piece.
void UnigramTraining::find_best_way(std::uint32_t start, std::uint32_t size, std::uint64_t begin_edges, bool without_whole,
                                    LatticeScratch& scratch) const {
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
        std::atomic_ref<std::uint64_t>(counts[scratch.best_piece[at]]).fetch_add(counts_[word], std::memory_order_relaxed);
      }
    }
  });
  return counts;
}

constexpr double kDropped = std::numeric_limits<double>::quiet_NaN();
constexpr double kAlwaysKept = std::numeric_limits<double>::infinity();

// How much the likelihood falls without a piece, whose place its second best split would take.
double UnigramTraining::loss_of(std::uint32_t id, const std::vector<std::uint64_t>& counts, double total, double log_total,
                                double num_words, LatticeScratch& scratch) const {
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
  const std::uint64_t size = std::max(desired_size(), shrunk > 0 ? static_cast<std::uint64_t>(std::min(shrunk, 1e18)) : 0);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&losses](std::uint32_t a, std::uint32_t b) { return losses[a] > losses[b]; });
  for (const std::uint32_t id : candidates) {
    if (kept.size() == size) break;
    kept.push_back(id);
  }
  word_edges_ = {};
  keep(kept);
}

std::string UnigramTraining::text_of(const UnigramPiece& piece) const {
  std::string text;
  for (std::uint32_t i = 0; i < piece.length; ++i) append_utf8(alphabet_[symbols_[piece.place + i]], text);
  return text;
}

std::string UnigramTraining::model() const {
  std::vector<std::pair<std::string, double>> vocab;
  std::vector<double> char_scores(alphabet_.size(), std::nan(""));
  for (const UnigramPiece& piece : pieces_) {
    if (piece.length == 1) char_scores[symbols_[piece.place]] = piece.score;
  }
  double min_score = unknown_score_ + kUnknownPenalty;
  if (!std::isfinite(min_score)) min_score = 0.0;
  double penalty = 0.0;
  std::string text;
  for (const char32_t code : required_chars()) {
    const auto found = std::lower_bound(alphabet_.begin(), alphabet_.end(), code);
    double score = std::nan("");
    if (found != alphabet_.end() && *found == code) score = char_scores[static_cast<std::size_t>(found - alphabet_.begin())];
    if (std::isnan(score)) {
      score = min_score + penalty;
      penalty += kMissingCharStep;
    }
    text.clear();
    append_utf8(code, text);
    vocab.emplace_back(text, score);
  }
  const auto& specials = settings_.special_tokens;
  const auto unknown = std::find(specials.begin(), specials.end(), settings_.unk_token);
  const bool adds_unknown = settings_.has_unk_token && unknown == specials.end();
  // Wraps where the special tokens alone are too many, and is passed over where the characters fill it, as in the original:
  // then all pieces stay.
  const std::uint64_t room = settings_.vocab_size - specials.size() - (adds_unknown ? 1 : 0);
  for (const UnigramPiece& piece : pieces_) {
    if (piece.length < 2) continue;
    text = text_of(piece);
    if (text == "<UNK>") continue;  // the name that the original gives to piece 0 during training
    vocab.emplace_back(text, piece.score);
    if (vocab.size() == room) break;
  }
  std::stable_sort(vocab.begin(), vocab.end(), [](const auto& a, const auto& b) { return a.second > b.second; });

  Json list;
  list.type = Json::Type::kArray;
  const auto add = [&list](const std::string& token, double score) {
    Json entry;
    entry.type = Json::Type::kArray;
    entry.items = {json_string(token), json_real(score)};
    list.items.push_back(std::move(entry));
  };
  if (adds_unknown) add(settings_.unk_token, 0.0);
  for (const std::string& token : specials) add(token, 0.0);
  for (const auto& [token, score] : vocab) add(token, score);
  Json model = json_object();
  model.members.emplace_back("type", json_string("Unigram"));
  const std::int64_t unknown_id = adds_unknown ? 0 : unknown - specials.begin();
  model.members.emplace_back("unk_id", settings_.has_unk_token ? json_integer(unknown_id) : Json{});
  model.members.emplace_back("vocab", std::move(list));
  model.members.emplace_back("byte_fallback", json_bool(false));
  return dump_json(model);
}

}  // namespace

std::string train_unigram(const Json& trainer, WordCounter& words, const TrainProgress& progress, unsigned num_threads) {
  TrainerSettings settings = read_trainer_settings(trainer);
  if (trainer.find("vocab_size") == nullptr) settings.vocab_size = 8000;
  UnigramTraining training(settings, words, progress, num_threads);
  training.run();
  return training.model();
}

}  // namespace dure
