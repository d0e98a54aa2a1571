// Feeder: texts through normalizer and pre-tokenizer into counts of words.
//
// How it's fast: where a text may be cut without changing the result, its pieces are counted as they are, and each
// different piece is normalized and split once in a while. Counts don't depend on the order of adding, so neither the
// number of threads nor who took which text matters.
#include <algorithm>
#include <atomic>

#include "dure/encoder.h"
#include "dure/parallel.h"
#include "dure/trainer.h"

namespace dure {
namespace {

// Long texts are handed out in blocks of this size; fewer bytes than two of them aren't worth a second thread.
constexpr std::size_t kBlockBytes = std::size_t{1} << 16;
// Longer pieces hardly come twice.
constexpr std::size_t kMaxPieceBytes = 512;
// A table of pieces beyond this size is worked off: it would leave the cache, and frequent pieces are soon back in it.
// Larger ones (4 and 16 MiB, no limit) took as long and more memory.
constexpr std::size_t kMaxTableBytes = std::size_t{1} << 20;

struct Block {
  std::string_view text;
  Ends ends;
};

bool may_cut(const Normalizer* normalizer, const PreTokenizer* pre_tokenizer) {
  if (pre_tokenizer == nullptr || !pre_tokenizer->is_local()) return false;  // without one, a text is one word
  std::u32string heads = U" ";
  if (normalizer != nullptr && !normalizer->keeps_cuts(heads)) return false;
  if (normalizer != nullptr && normalizer->may_shift_origins() && pre_tokenizer->sees_ends()) return false;
  const bool keeps_spaces = heads.find_first_not_of(U' ') == std::u32string::npos;
  return keeps_spaces || (are_spaces(heads) && pre_tokenizer->takes_visible_spaces());
}

}  // namespace

struct Feeder::State {
  // What one thread has: its counts, and memory that is kept between pieces.
  struct Worker {
    Worker(std::size_t budget_bytes) : pieces(budget_bytes, {}), words(budget_bytes, {}) {}

    WordCounter pieces;
    WordCounter words;
    AlignedText text;
    AlignedText spare;
    Words split;
    Words spare_split;
    std::string key;
  };

  // Counts the words of a text or piece that came `count` times.
  void count_words(std::string_view text, Ends ends, std::uint64_t count, Worker& worker) const {
    // A step that looks at the ends may also ask whether a word begins the text.
    worker.text.assign(text, 0, sees_ends && ends.is_head);
    if (normalizer) normalizer->apply(worker.text, worker.spare, ends);
    if (worker.text.bytes.empty()) return;
    Words& split = worker.split;
    std::swap(split.text, worker.text);
    split.ranges.assign(1, {0, split.text.size_bytes()});
    if (pre_tokenizer) pre_tokenizer->apply(split, worker.spare_split, ends);
    for (const Range range : split.ranges) worker.words.add(split.text.view(range), count);
  }

  void count_block(const Block& block, Worker& worker) const {
    if (!cuts) {
      count_words(block.text, block.ends, 1, worker);
      return;
    }
    for (std::size_t begin = 0; begin < block.text.size();) {
      const std::size_t end = next_cut(block.text, begin);
      const std::string_view piece = block.text.substr(begin, end - begin);
      const Ends ends = {block.ends.is_head && begin == 0, block.ends.is_tail && end == block.text.size()};
      begin = end;
      if (piece.size() > kMaxPieceBytes) {
        count_words(piece, ends, 1, worker);
      } else if (sees_ends) {
        worker.key.assign(piece);
        worker.key.push_back(static_cast<char>('0' + 2 * ends.is_head + 1 * ends.is_tail));
        worker.pieces.add(worker.key);
      } else {
        worker.pieces.add(piece);
      }
    }
    if (worker.pieces.size_bytes() > max_table_bytes) count_pieces(worker);
  }

  void count_pieces(Worker& worker) const {
    worker.pieces.for_each([&](std::string_view piece, std::uint64_t count) {
      Ends ends{false, false};
      if (sees_ends) {
        const int place = piece.back() - '0';
        ends = {(place & 2) != 0, (place & 1) != 0};
        piece.remove_suffix(1);
      }
      count_words(piece, ends, count, worker);
    });
  }

  std::vector<Block> make_blocks(const std::vector<std::string_view>& texts) const {
    std::vector<Block> blocks;
    for (const std::string_view text : texts) {
      std::size_t begin = 0;
      while (begin < text.size()) {
        const std::size_t target = begin + kBlockBytes;
        const std::size_t end = cuts && target < text.size() ? next_cut(text, target) : text.size();
        blocks.push_back({text.substr(begin, end - begin), {begin == 0, end == text.size()}});
        begin = end;
      }
    }
    return blocks;
  }

  std::shared_ptr<const Normalizer> normalizer;
  std::shared_ptr<const PreTokenizer> pre_tokenizer;
  std::size_t budget_bytes;
  std::size_t max_table_bytes;
  bool cuts;
  bool sees_ends;
  std::vector<std::unique_ptr<Worker>> workers;  // one for each thread
};

Feeder::Feeder(std::shared_ptr<const Normalizer> normalizer, std::shared_ptr<const PreTokenizer> pre_tokenizer,
               std::size_t budget_bytes, unsigned num_threads) {
  // Half of the budget is for the threads' pieces and words, half for all words together at the end.
  const std::size_t num_workers = std::clamp<std::size_t>(num_threads, 1, 256);
  const std::size_t share_bytes = budget_bytes / (4 * num_workers);
  const bool cuts = may_cut(normalizer.get(), pre_tokenizer.get());
  const bool sees_ends =
      (normalizer && normalizer->sees_ends()) || (pre_tokenizer && pre_tokenizer->sees_ends());
  state_ = std::make_unique<State>(State{std::move(normalizer), std::move(pre_tokenizer), budget_bytes,
                                         std::min(kMaxTableBytes, share_bytes), cuts, sees_ends, {}});
  for (std::size_t i = 0; i < num_workers; ++i) {
    state_->workers.push_back(std::make_unique<State::Worker>(share_bytes));
  }
}

Feeder::~Feeder() = default;

void Feeder::feed(const std::vector<std::string_view>& texts) {
  const std::vector<Block> blocks = state_->make_blocks(texts);
  std::size_t size_bytes = 0;
  for (const Block& block : blocks) size_bytes += block.text.size();
  const std::size_t num_workers = std::min(state_->workers.size(), size_bytes / kBlockBytes + 1);
  std::atomic<std::size_t> next{0};
  parallel_for(num_workers, static_cast<unsigned>(num_workers), [&](std::size_t worker) {
    for (std::size_t i = next++; i < blocks.size(); i = next++) {
      state_->count_block(blocks[i], *state_->workers[worker]);
    }
  });
}

WordCounter Feeder::finish() {
  auto& workers = state_->workers;
  parallel_for(workers.size(), static_cast<unsigned>(workers.size()),
               [&](std::size_t worker) { state_->count_pieces(*workers[worker]); });
  WordCounter all(state_->budget_bytes / 2, {});
  for (auto& worker : workers) {
    worker->words.for_each([&all](std::string_view word, std::uint64_t count) { all.add(word, count); });
    worker.reset();
  }
  workers.clear();
  return all;
}

}  // namespace dure
