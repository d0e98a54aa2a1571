// BPE and WordPiece: join the most frequent pair of neighbours, again and again.
//
// The order in which the original library joins pairs is part of the result, its odd corners too: a pair that comes up
// anew (a token that can be built in two ways) waits a second time in the queue with its new words alone, counts in the
// queue are corrected only when they reach its head, and the count of a pair stays when it has been joined.
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <unordered_map>

#include "dure/utf8.h"
#include "trainer_settings.h"

namespace dure {
namespace {

using Symbol = std::uint32_t;
constexpr Symbol kNoSymbol = std::numeric_limits<Symbol>::max();

std::uint64_t pair_of(Symbol left, Symbol right) { return (std::uint64_t{left} << 32) | right; }
Symbol left_of(std::uint64_t pair) { return static_cast<Symbol>(pair >> 32); }
Symbol right_of(std::uint64_t pair) { return static_cast<Symbol>(pair); }

// Pair -> number: open addressing, nothing is ever taken out.
class PairTable {
 public:
  PairTable() : slots_(1024) {}

  std::int64_t& operator[](std::uint64_t pair) {
    if (size_ * 4 >= slots_.size() * 3) grow();
    Slot& slot = slots_[place(slots_, pair)];
    if (slot.pair == kFree) {
      slot.pair = pair;
      ++size_;
    }
    return slot.value;
  }
  std::size_t size() const { return size_; }
  template <typename Visit>
  void for_each(const Visit& visit) {
    for (Slot& slot : slots_) {
      if (slot.pair != kFree) visit(slot.pair, slot.value);
    }
  }

 private:
  static constexpr std::uint64_t kFree = std::numeric_limits<std::uint64_t>::max();
  struct Slot {
    std::uint64_t pair = kFree;
    std::int64_t value = 0;
  };
  static std::size_t place(const std::vector<Slot>& slots, std::uint64_t pair) {
    std::uint64_t hash = pair * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32;
    std::size_t at = hash & (slots.size() - 1);
    while (slots[at].pair != pair && slots[at].pair != kFree) at = (at + 1) & (slots.size() - 1);
    return at;
  }
  void grow() {
    std::vector<Slot> larger(slots_.size() * 2);
    for (const Slot& slot : slots_) {
      if (slot.pair != kFree) larger[place(larger, slot.pair)] = slot;
    }
    slots_ = std::move(larger);
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

// Lists of word numbers, written one after another into large blocks that never move.
class NumberPool {
 public:
  std::uint32_t* take(std::size_t count) {
    if (count > left_) {
      left_ = std::max(count, kBlock);
      blocks_.push_back(std::make_unique_for_overwrite<std::uint32_t[]>(left_));
      next_ = blocks_.back().get();
    }
    std::uint32_t* taken = next_;
    next_ += count;
    left_ -= count;
    return taken;
  }

 private:
  static constexpr std::size_t kBlock = std::size_t{1} << 18;
  std::vector<std::unique_ptr<std::uint32_t[]>> blocks_;
  std::uint32_t* next_ = nullptr;
  std::size_t left_ = 0;
};

// A pair that waits to be joined in some words.
struct Candidate {
  std::uint64_t count;  // as of when it was queued
  std::uint64_t pair;
  const std::uint32_t* words;
  std::uint32_t num_words;
};

// The most frequent pair first; of equally frequent ones that with the smallest ids.
bool is_behind(const Candidate& a, const Candidate& b) {
  return a.count != b.count ? a.count < b.count : a.pair > b.pair;
}

// What one join changes for the neighbours on one side: sums by the neighbour's symbol.
class SideChanges {
 public:
  struct Change {
    Symbol neighbour;
    std::int64_t lost = 0;    // count of pairs with the part that was joined
    std::int64_t gained = 0;  // count of pairs with the new symbol
    std::vector<std::uint32_t> words;  // where the new pair came up, ascending
  };

  Change& at(Symbol neighbour) {
    if (neighbour >= index_.size()) index_.resize(std::max<std::size_t>(neighbour + 1, index_.size() * 2), 0);
    std::uint32_t& index = index_[neighbour];
    if (index == 0) {
      if (used_ == changes_.size()) changes_.emplace_back();
      Change& fresh = changes_[used_++];
      fresh.neighbour = neighbour;
      fresh.lost = fresh.gained = 0;
      fresh.words.clear();
      index = static_cast<std::uint32_t>(used_);
    }
    return changes_[index - 1];
  }
  template <typename Visit>
  void for_each(const Visit& visit) {
    for (std::size_t i = 0; i < used_; ++i) visit(changes_[i]);
  }
  void clear() {
    for (std::size_t i = 0; i < used_; ++i) index_[changes_[i].neighbour] = 0;
    used_ = 0;
  }

 private:
  std::vector<std::uint32_t> index_;  // by symbol: its change + 1; 0: none
  std::vector<Change> changes_;       // the first `used_` count; the others are kept for their memory
  std::size_t used_ = 0;
};

class BpeTraining {
 public:
  BpeTraining(const TrainerSettings& settings, WordCounter& words, const TrainProgress& progress)
      : settings_(settings), progress_(progress) {
    for (const std::string& token : settings_.special_tokens) id_of(token);
    const WordList list = list_words(words);
    add_alphabet(list);
    split_words(list);
  }

  void run() {
    count_pairs();
    ProgressReport report(progress_, "Compute merges", settings_.vocab_size);
    while (tokens_.size() < settings_.vocab_size && !queue_.empty()) {
      std::pop_heap(queue_.begin(), queue_.end(), is_behind);
      Candidate& top = queue_.back();
      const auto count = static_cast<std::uint64_t>(pair_counts_[top.pair]);
      if (top.count != count) {
        top.count = count;
        std::push_heap(queue_.begin(), queue_.end(), is_behind);
        continue;
      }
      if (count < 1 || count < settings_.min_frequency) break;
      const Candidate candidate = top;
      queue_.pop_back();
      join(candidate);
      report.reach(tokens_.size());
    }
    report.finish();
  }

  void write_vocabulary(ModelWriter& model) const {
    model.open("vocab", '{');
    for (std::size_t id = 0; id < tokens_.size(); ++id) model.member(*tokens_[id], id);
    model.close('}');
  }

  void write_merges(ModelWriter& model) const {
    // A pair that was joined twice counts where it came last.
    std::unordered_map<std::uint64_t, std::size_t> ranks;
    for (std::size_t i = 0; i < merges_.size(); ++i) ranks[merges_[i]] = i;
    model.open("merges", '[');
    for (std::size_t i = 0; i < merges_.size(); ++i) {
      if (ranks[merges_[i]] != i) continue;
      model.pair(quoted(*tokens_[left_of(merges_[i])]), quoted(*tokens_[right_of(merges_[i])]));
    }
    model.close(']');
  }

 private:
  Symbol id_of(const std::string& token) {
    const auto [found, is_new] = ids_.try_emplace(token, static_cast<Symbol>(tokens_.size()));
    if (is_new) tokens_.push_back(&found->first);
    return found->second;
  }

  void add_alphabet(const WordList& list) {
    std::unordered_map<char32_t, std::uint64_t> counts;
    std::vector<char32_t> codes;
    for (std::size_t i = 0; i < list.size(); ++i) {
      codes.clear();
      decode_utf8(list.word(i), codes);
      for (const char32_t code : codes) counts[code] += list.counts[i];
    }
    for (const char32_t code : settings_.initial_alphabet) counts[code] = UINT64_MAX;
    std::vector<std::pair<char32_t, std::uint64_t>> kept(counts.begin(), counts.end());
    if (settings_.has_limit_alphabet && kept.size() > settings_.limit_alphabet) {
      // Of equally rare characters the original drops some by chance; here those with the higher code.
      std::sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) {
        return a.second != b.second ? a.second > b.second : a.first < b.first;
      });
      kept.resize(settings_.limit_alphabet);
    }
    std::sort(kept.begin(), kept.end());
    std::string token;
    for (const auto& entry : kept) {
      token.clear();
      append_utf8(entry.first, token);
      id_of(token);
    }
  }

  // The symbol of a character at its place in a word, or none for characters outside the alphabet. The ids of prefixed
  // and suffixed characters are given as words come, which is in the order of their bytes (the original: by chance).
  Symbol symbol_of(char32_t code, bool is_first, bool is_last) {
    const std::uint64_t key = std::uint64_t{code} << 2 | std::uint64_t{is_first} << 1 | std::uint64_t{is_last};
    const auto [found, is_new] = symbols_by_place_.try_emplace(key, kNoSymbol);
    if (!is_new) return found->second;
    std::string token;
    append_utf8(code, token);
    if (!ids_.contains(token)) return kNoSymbol;
    if (!is_first) token = settings_.prefix + token;
    if (is_last) token += settings_.suffix;
    return found->second = id_of(token);
  }

  void split_words(const WordList& list) {
    ProgressReport report(progress_, "Tokenize words", list.size());
    if (list.size() >= UINT32_MAX) throw std::invalid_argument("more than 4 billion different words; split texts more");
    std::vector<char32_t> codes;
    symbols_.reserve(list.arena.size());
    starts_.reserve(list.size());
    sizes_.reserve(list.size());
    for (std::size_t i = 0; i < list.size(); ++i) {
      codes.clear();
      decode_utf8(list.word(i), codes);
      starts_.push_back(symbols_.size());
      for (std::size_t k = 0; k < codes.size(); ++k) {
        const Symbol symbol = symbol_of(codes[k], k == 0, k + 1 == codes.size());
        if (symbol != kNoSymbol) symbols_.push_back(symbol);
      }
      sizes_.push_back(static_cast<std::uint32_t>(symbols_.size() - starts_.back()));
      report.reach(i);
    }
    symbols_.shrink_to_fit();
    counts_ = list.counts;
    if (settings_.max_token_length != UINT64_MAX) lengths_.assign(symbols_.size(), 1);
    symbols_by_place_ = {};
    report.finish();
  }

  void count_pairs() {
    ProgressReport report(progress_, "Count pairs", counts_.size());
    // First how many words each pair is in (a repetition within a word counts too, which costs a little room); then
    // which.
    PairTable places;
    const auto for_each_pair = [this](std::size_t word, const auto& visit) {
      const Symbol* at = symbols_.data() + starts_[word];
      for (std::uint32_t i = 0; i + 1 < sizes_[word]; ++i) visit(pair_of(at[i], at[i + 1]));
    };
    for (std::size_t word = 0; word < counts_.size(); ++word) {
      for_each_pair(word, [&](std::uint64_t pair) {
        pair_counts_[pair] += static_cast<std::int64_t>(counts_[word]);
        ++places[pair];
      });
      report.reach(word);
    }
    queue_.reserve(places.size());
    std::vector<std::uint32_t*> lists;
    places.for_each([&](std::uint64_t pair, std::int64_t& place) {
      lists.push_back(pool_.take(static_cast<std::size_t>(place)));
      queue_.push_back({static_cast<std::uint64_t>(pair_counts_[pair]), pair, lists.back(), 0});
      place = static_cast<std::int64_t>(queue_.size()) - 1;
    });
    for (std::size_t word = 0; word < counts_.size(); ++word) {
      for_each_pair(word, [&](std::uint64_t pair) {
        const auto index = static_cast<std::size_t>(places[pair]);
        Candidate& candidate = queue_[index];
        const auto number = static_cast<std::uint32_t>(word);
        if (candidate.num_words > 0 && lists[index][candidate.num_words - 1] == number) return;
        lists[index][candidate.num_words++] = number;
      });
    }
    std::make_heap(queue_.begin(), queue_.end(), is_behind);
    report.finish();
  }

  Symbol joined_symbol(std::uint64_t pair) {
    std::string token = *tokens_[left_of(pair)];
    std::string_view right = *tokens_[right_of(pair)];
    if (right.starts_with(settings_.prefix)) right.remove_prefix(settings_.prefix.size());
    token += right;
    return id_of(token);
  }

  void join(const Candidate& candidate) {
    const Symbol joined = joined_symbol(candidate.pair);
    merges_.push_back(candidate.pair);
    for (std::uint32_t i = 0; i < candidate.num_words; ++i) {
      if (lengths_.empty()) {
        join_in_word<false>(candidate.words[i], candidate.pair, joined);
      } else {
        join_in_word<true>(candidate.words[i], candidate.pair, joined);
      }
    }
    // All losses before any gain is looked at: a pair with the new symbol may lose on one side what it gained on the
    // other.
    const Symbol left = left_of(candidate.pair);
    const Symbol right = right_of(candidate.pair);
    before_.for_each([&](const auto& change) {
      apply(change, pair_of(change.neighbour, left), pair_of(change.neighbour, joined));
    });
    after_.for_each([&](const auto& change) {
      apply(change, pair_of(right, change.neighbour), pair_of(joined, change.neighbour));
    });
    // The pair of the new symbol with itself may have been met from both sides; its words are queued once.
    before_.for_each([&](auto& change) {
      if (change.neighbour == joined) merge_words(change.words, after_.at(joined).words);
    });
    before_.for_each([&](const auto& change) { enqueue(change.words, pair_of(change.neighbour, joined)); });
    after_.for_each([&](const auto& change) { enqueue(change.words, pair_of(joined, change.neighbour)); });
    before_.clear();
    after_.clear();
  }

  void apply(const SideChanges::Change& change, std::uint64_t old_pair, std::uint64_t new_pair) {
    if (change.lost != 0) pair_counts_[old_pair] -= change.lost;
    if (!change.words.empty()) pair_counts_[new_pair] += change.gained;
  }

  static void merge_words(std::vector<std::uint32_t>& into, std::vector<std::uint32_t>& from) {
    std::vector<std::uint32_t> both;
    std::set_union(into.begin(), into.end(), from.begin(), from.end(), std::back_inserter(both));
    into = std::move(both);
    from.clear();
  }

  void enqueue(const std::vector<std::uint32_t>& words, std::uint64_t pair) {
    if (words.empty()) return;
    const std::int64_t count = pair_counts_[pair];
    if (count <= 0) return;
    std::uint32_t* list = pool_.take(words.size());
    std::copy(words.begin(), words.end(), list);
    queue_.push_back({static_cast<std::uint64_t>(count), pair, list, static_cast<std::uint32_t>(words.size())});
    std::push_heap(queue_.begin(), queue_.end(), is_behind);
  }

  // Joins the pair wherever it stands in a word, from left to right, and notes what that does to its neighbours.
  template <bool kHasLengths>
  void join_in_word(std::uint32_t word, std::uint64_t pair, Symbol joined) {
    const Symbol left = left_of(pair);
    const Symbol right = right_of(pair);
    Symbol* symbols = symbols_.data() + starts_[word];
    std::uint32_t* lengths = kHasLengths ? lengths_.data() + starts_[word] : nullptr;
    const auto count = static_cast<std::int64_t>(counts_[word]);
    const std::uint32_t size = sizes_[word];
    std::uint32_t to = 0;
    for (std::uint32_t from = 0; from < size;) {
      if (symbols[from] != left || from + 1 >= size || symbols[from + 1] != right) {
        symbols[to] = symbols[from];
        if constexpr (kHasLengths) lengths[to] = lengths[from];
        ++to;
        ++from;
        continue;
      }
      const std::uint64_t length = kHasLengths ? std::uint64_t{lengths[from]} + lengths[from + 1] : 0;
      if (to > 0) {
        const bool fits = !kHasLengths || lengths[to - 1] + length < settings_.max_token_length;
        note(before_.at(symbols[to - 1]), count, fits, word);
      }
      if (from + 2 < size) {
        const bool fits = !kHasLengths || lengths[from + 2] + length < settings_.max_token_length;
        note(after_.at(symbols[from + 2]), count, fits, word);
      }
      symbols[to] = joined;
      if constexpr (kHasLengths) lengths[to] = static_cast<std::uint32_t>(length);
      ++to;
      from += 2;
    }
    sizes_[word] = to;
  }

  static void note(SideChanges::Change& change, std::int64_t count, bool fits, std::uint32_t word) {
    change.lost += count;
    if (!fits) return;
    change.gained += count;
    if (change.words.empty() || change.words.back() != word) change.words.push_back(word);
  }

  const TrainerSettings& settings_;
  const TrainProgress& progress_;
  std::unordered_map<std::string, Symbol> ids_;
  std::vector<const std::string*> tokens_;  // by id; the strings are keys of ids_
  std::unordered_map<std::uint64_t, Symbol> symbols_by_place_;
  std::vector<Symbol> symbols_;         // of all words, each shrinking in its own place
  std::vector<std::uint32_t> lengths_;  // in characters, for each symbol; only where max_token_length is given
  std::vector<std::uint64_t> starts_;
  std::vector<std::uint32_t> sizes_;
  std::vector<std::uint64_t> counts_;
  PairTable pair_counts_;
  NumberPool pool_;
  std::vector<Candidate> queue_;  // a heap
  SideChanges before_;
  SideChanges after_;
  std::vector<std::uint64_t> merges_;
};

Json text_or_null(bool is_given, const std::string& text) { return is_given ? json_string(text) : Json{}; }

}  // namespace

std::string train_bpe(const Json& trainer, WordCounter& words, const TrainProgress& progress, unsigned num_threads) {
  (void)num_threads;
  const TrainerSettings settings = read_trainer_settings(trainer);
  BpeTraining training(settings, words, progress);
  training.run();
  ModelWriter model("BPE");
  model.add("dropout", Json{});
  model.add("unk_token", Json{});
  model.add("continuing_subword_prefix", text_or_null(settings.has_prefix, settings.prefix));
  model.add("end_of_word_suffix", text_or_null(settings.has_suffix, settings.suffix));
  model.add("fuse_unk", json_bool(false));
  model.add("byte_fallback", json_bool(false));
  model.add("ignore_merges", json_bool(false));
  training.write_vocabulary(model);
  training.write_merges(model);
  return model.finish();
}

std::string train_wordpiece(const Json& trainer, WordCounter& words, const TrainProgress& progress,
                            unsigned num_threads) {
  (void)num_threads;
  TrainerSettings settings = read_trainer_settings(trainer);
  if (trainer.find("continuing_subword_prefix") == nullptr) {
    settings.prefix = "##";
    settings.has_prefix = true;
  }
  BpeTraining training(settings, words, progress);
  training.run();
  ModelWriter model("WordPiece");
  model.add("unk_token", json_string("[UNK]"));
  model.add("continuing_subword_prefix", json_string(settings.has_prefix ? settings.prefix : "##"));
  model.add("max_input_chars_per_word", json_integer(100));
  training.write_vocabulary(model);
  return model.finish();
}

}  // namespace dure
