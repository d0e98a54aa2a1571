// Split: words from the matches of a pattern. A text falls into segments, which are matches or lie between two; the
// behavior says which of them are joined and which are dropped.
#include <utility>

#include "dure/pre_tokenizer.h"

namespace dure {
namespace {

// Joins or drops segments of one word, which come in order, and writes what is left. Empty matches are segments too:
// they part their neighbours, but are never written.
template <SplitBehavior kBehavior>
class SegmentJoiner {
 public:
  explicit SegmentJoiner(std::vector<Range>& out) : out_(out) {}

  void add(Range segment, bool is_match) {
    if constexpr (kBehavior == SplitBehavior::kRemoved) {
      if (!is_match) write(segment);
    } else if constexpr (kBehavior == SplitBehavior::kIsolated) {
      write(segment);
    } else if (has_open_ && joins(is_match)) {
      open_.end_bytes = segment.end_bytes;
    } else {
      finish();
      open_ = segment;
      has_open_ = true;
    }
    last_is_match_ = is_match;
  }

  void finish() {
    if (has_open_) write(open_);
    has_open_ = false;
  }

 private:
  bool joins(bool is_match) const {
    if constexpr (kBehavior == SplitBehavior::kContiguous) return is_match == last_is_match_;
    if constexpr (kBehavior == SplitBehavior::kMergedWithPrevious) return is_match && !last_is_match_;
    return !is_match && last_is_match_;
  }

  void write(Range word) {
    if (word.begin_bytes < word.end_bytes) out_.push_back(word);
  }

  std::vector<Range>& out_;
  Range open_;
  bool has_open_ = false;
  bool last_is_match_ = false;
};

class Split final : public PreTokenizer {
 public:
  Split(std::shared_ptr<const Regex> regex, SplitBehavior behavior, bool inverted)
      : regex_(std::move(regex)), behavior_(behavior), inverted_(inverted) {}

  void apply(Words& words, Words& scratch, Ends) const override {
    scratch.ranges.clear();
    switch (behavior_) {
      case SplitBehavior::kRemoved: split<SplitBehavior::kRemoved>(words, scratch); break;
      case SplitBehavior::kIsolated: split<SplitBehavior::kIsolated>(words, scratch); break;
      case SplitBehavior::kMergedWithPrevious: split<SplitBehavior::kMergedWithPrevious>(words, scratch); break;
      case SplitBehavior::kMergedWithNext: split<SplitBehavior::kMergedWithNext>(words, scratch); break;
      case SplitBehavior::kContiguous: split<SplitBehavior::kContiguous>(words, scratch); break;
    }
    words.ranges.swap(scratch.ranges);
  }

  bool is_cuttable() const override { return regex_->is_local(); }
  bool is_charwise() const override { return regex_->is_charwise(); }

  // There's a border at a cut when a match ends or begins there, unless the behavior may join it to its neighbour.
  bool is_local() const override {
    if (!regex_->is_local()) return false;
    const CutSides sides = regex_->sides_of_cut();
    const bool match_ends = sides.before == CutSide::kMatch;
    const bool match_begins = sides.after == CutSide::kMatch;
    switch (behavior_) {
      case SplitBehavior::kMergedWithPrevious: return inverted_ ? match_begins : match_ends;
      case SplitBehavior::kMergedWithNext: return inverted_ ? match_ends : match_begins;
      case SplitBehavior::kContiguous:
        return (match_ends && sides.after == CutSide::kGap) || (match_begins && sides.before == CutSide::kGap);
      default: return match_ends || match_begins;
    }
  }

 private:
  template <SplitBehavior kBehavior>
  void split(const Words& words, Words& scratch) const {
    std::vector<Range>& matches = scratch.matches;
    for (const Range word : words.ranges) {
      matches.clear();
      regex_->find_all(words.text.view(word), matches);
      SegmentJoiner<kBehavior> joiner(scratch.ranges);
      std::uint32_t last_end = word.begin_bytes;
      for (const Range match : matches) {
        const Range moved = {match.begin_bytes + word.begin_bytes, match.end_bytes + word.begin_bytes};
        if (last_end != moved.begin_bytes) joiner.add({last_end, moved.begin_bytes}, inverted_);
        joiner.add(moved, !inverted_);
        last_end = moved.end_bytes;
      }
      if (last_end != word.end_bytes) joiner.add({last_end, word.end_bytes}, inverted_);
      joiner.finish();
    }
  }

  std::shared_ptr<const Regex> regex_;
  SplitBehavior behavior_;
  bool inverted_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_split(std::shared_ptr<const Regex> regex, SplitBehavior behavior,
                                               bool inverted) {
  return std::make_unique<Split>(std::move(regex), behavior, inverted);
}

}  // namespace dure
