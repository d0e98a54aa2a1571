// Where the pieces of Unigram come from: all characters, and the substrings that occur more than once; and the lattices
// of all words, from the places where each piece occurs.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "dure/utf8.h"
#include "trainer_unigram.h"

namespace dure {

UnigramTraining::UnigramTraining(const TrainerSettings& settings, WordCounter& words, const TrainProgress& progress,
                                 unsigned num_threads)
    : settings_(settings), progress_(progress), num_threads_(num_threads) {
  read_words(words);
  check_vocab_size();
  make_seeds();
}

// The text of all words as symbols, each word followed by symbol 0.
void UnigramTraining::read_words(WordCounter& counter) {
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
std::vector<char32_t> UnigramTraining::required_chars() const {
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

void UnigramTraining::check_vocab_size() const {
  const std::size_t count = required_chars().size();
  if (count <= settings_.vocab_size) return;
  throw std::invalid_argument("vocab_size is " + std::to_string(settings_.vocab_size) +
                              ", but the vocabulary must hold the " + std::to_string(count) +
                              " different characters of the corpus; give a larger one");
}

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
    const auto place = static_cast<std::uint32_t>(suffixes[seed.begin]);
    pieces_.push_back({static_cast<double>(score(seed)), place, seed.length});
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

}  // namespace dure
