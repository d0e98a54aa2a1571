// Unigram: start from all substrings that repeat, and drop those whose loss costs the likelihood of the corpus least
// (Kudo: "Subword Regularization", 2018), step by step as the original library does.
//
// How it's fast: every piece is a substring of the corpus, so a suffix array gives not only the pieces but also all
// places where each occurs. The lattices of all words are built once, as lists of pieces by place, and only thinned out
// after.
#include "trainer_unigram.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "dure/parallel.h"
#include "dure/utf8.h"

namespace dure {
namespace {

constexpr double kMinExpectedCount = 0.5;
constexpr double kMissingCharStep = 0.0001;
// Pruning that doesn't get anywhere for so many rounds won't: the original would go on for ever.
constexpr int kMaxIdleRounds = 32;

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

}  // namespace

void UnigramTraining::run() {
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

// Forward and backward over the lattice of a word. Sums are kept in units of the best way to each place, so they don't
// under- or overflow in words of any length.
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
    if (found != alphabet_.end() && *found == code) {
      score = char_scores[static_cast<std::size_t>(found - alphabet_.begin())];
    }
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
  // Wraps where the special tokens alone are too many, and is passed over where the characters fill it, as in the
  // original: then all pieces stay.
  const std::uint64_t room = settings_.vocab_size - specials.size() - (adds_unknown ? 1 : 0);
  for (const UnigramPiece& piece : pieces_) {
    if (piece.length < 2) continue;
    text = text_of(piece);
    if (text == "<UNK>") continue;  // the name that the original gives to piece 0 during training
    vocab.emplace_back(text, piece.score);
    if (vocab.size() == room) break;
  }
  std::stable_sort(vocab.begin(), vocab.end(), [](const auto& a, const auto& b) { return a.second > b.second; });

  ModelWriter model("Unigram");
  const std::int64_t unknown_id = adds_unknown ? 0 : unknown - specials.begin();
  model.add("unk_id", settings_.has_unk_token ? json_integer(unknown_id) : Json{});
  model.open("vocab", '[');
  const auto add = [&model](const std::string& token, double score) {
    model.pair(quoted(token), dump_json(json_real(score)));
  };
  if (adds_unknown) add(settings_.unk_token, 0.0);
  for (const std::string& token : specials) add(token, 0.0);
  for (const auto& [token, score] : vocab) add(token, score);
  model.close(']');
  model.add("byte_fallback", json_bool(false));
  return model.finish();
}

std::string train_unigram(const Json& trainer, WordCounter& words, const TrainProgress& progress,
                          unsigned num_threads) {
  TrainerSettings settings = read_trainer_settings(trainer);
  if (trainer.find("vocab_size") == nullptr) settings.vocab_size = 8000;
  UnigramTraining training(settings, words, progress, num_threads);
  training.run();
  return training.model();
}

}  // namespace dure
