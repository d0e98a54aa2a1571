// Sorting by induction (Nong, Zhang, Chan: "Two Efficient Algorithms for Linear Time Suffix Array Construction", 2011),
// and longest common prefixes by the order of the text (Kärkkäinen, Manzini, Puglisi: "Permuted Longest-Common-Prefix
// Array", 2009).
#include "trainer_suffix_array.h"

#include <algorithm>

namespace dure {
namespace {

// One level of the recursion. A suffix is small (S) when it comes before its successor, else large (L). The leftmost of
// each run of small ones (LMS) are sorted first, and the order of all others follows from theirs.
template <typename T>
class SuffixSorter {
 public:
  SuffixSorter(const T* text, std::int32_t size, std::uint32_t num_symbols, std::int32_t* suffixes)
      : text_(text), size_(size), suffixes_(suffixes), is_small_(static_cast<std::size_t>(size)), ends_(num_symbols) {
    for (std::int32_t i = size_ - 2; i >= 0; --i) {
      is_small_[at(i)] = text_[i] < text_[i + 1] || (text_[i] == text_[i + 1] && is_small_[at(i + 1)]);
    }
    for (std::int32_t i = 0; i < size_; ++i) ++ends_[symbol(i)];
    std::int32_t sum = 0;
    for (std::int32_t& end : ends_) end = sum += end;
  }

  void sort() {
    std::vector<std::int32_t> leftmost = list_leftmost();
    induce(leftmost);  // any order of the starts sorts the substrings between them
    if (leftmost.size() > 1) {
      sort_leftmost(leftmost);
      induce(leftmost);
    }
  }

 private:
  static std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }
  std::size_t symbol(std::int32_t i) const { return static_cast<std::size_t>(text_[i]); }
  bool is_leftmost(std::int32_t i) const { return i > 0 && is_small_[at(i)] && !is_small_[at(i - 1)]; }

  std::vector<std::int32_t> list_leftmost() const {
    std::vector<std::int32_t> list;
    for (std::int32_t i = 1; i < size_; ++i) {
      if (is_leftmost(i)) list.push_back(i);
    }
    return list;
  }

  std::vector<std::int32_t> bucket_begins() const {
    std::vector<std::int32_t> begins(ends_.size());
    for (std::size_t i = 1; i < ends_.size(); ++i) begins[i] = ends_[i - 1];
    return begins;
  }

  void induce(const std::vector<std::int32_t>& leftmost) {
    std::fill(suffixes_, suffixes_ + size_, -1);
    std::vector<std::int32_t> tails = ends_;
    for (std::size_t i = leftmost.size(); i-- > 0;) suffixes_[--tails[symbol(leftmost[i])]] = leftmost[i];
    std::vector<std::int32_t> heads = bucket_begins();
    suffixes_[heads[symbol(size_ - 1)]++] = size_ - 1;
    for (std::int32_t i = 0; i < size_; ++i) {
      const std::int32_t before = suffixes_[i] - 1;
      if (before >= 0 && !is_small_[at(before)]) suffixes_[heads[symbol(before)]++] = before;
    }
    tails = ends_;
    for (std::int32_t i = size_ - 1; i >= 0; --i) {
      const std::int32_t before = suffixes_[i] - 1;
      if (before >= 0 && is_small_[at(before)]) suffixes_[--tails[symbol(before)]] = before;
    }
  }

  // Whether the substrings from two leftmost small suffixes to the next ones are equal.
  bool are_equal(std::int32_t a, std::int32_t b) const {
    for (std::int32_t i = 0;; ++i) {
      if (a + i >= size_ || b + i >= size_ || text_[a + i] != text_[b + i]) return false;
      if (is_small_[at(a + i)] != is_small_[at(b + i)]) return false;
      if (i > 0 && (is_leftmost(a + i) || is_leftmost(b + i))) return is_leftmost(a + i) && is_leftmost(b + i);
    }
  }

  // Puts the starts in the order of their suffixes: gives equal substrings equal names and sorts the text of names.
  void sort_leftmost(std::vector<std::int32_t>& leftmost) {
    const auto count = static_cast<std::int32_t>(leftmost.size());
    std::int32_t filled = 0;
    for (std::int32_t i = 0; i < size_; ++i) {
      if (is_leftmost(suffixes_[i])) suffixes_[filled++] = suffixes_[i];
    }
    // Two starts are never neighbours, so half a place each is enough behind the sorted ones.
    std::int32_t* names = suffixes_ + count;
    std::fill(names, suffixes_ + size_, -1);
    std::int32_t name = 0;
    for (std::int32_t i = 0; i < count; ++i) {
      if (i > 0 && !are_equal(suffixes_[i - 1], suffixes_[i])) ++name;
      names[suffixes_[i] / 2] = name;
    }
    if (name + 1 == count) {
      std::copy(suffixes_, suffixes_ + count, leftmost.begin());
      return;
    }
    std::vector<std::int32_t> reduced;
    reduced.reserve(leftmost.size());
    for (const std::int32_t start : leftmost) reduced.push_back(names[start / 2]);
    std::vector<std::int32_t> order(leftmost.size());
    SuffixSorter<std::int32_t>(reduced.data(), count, static_cast<std::uint32_t>(name) + 1, order.data()).sort();
    for (std::int32_t& start : order) start = leftmost[at(start)];
    leftmost = std::move(order);
  }

  const T* text_;
  std::int32_t size_;
  std::int32_t* suffixes_;
  std::vector<bool> is_small_;
  std::vector<std::int32_t> ends_;  // of the bucket of each symbol
};

// For each place of the text: how long a prefix its suffix shares with the one sorted before it.
std::vector<std::uint32_t> shared_prefixes(const std::vector<std::uint32_t>& text,
                                           const std::vector<std::int32_t>& suffixes) {
  const std::size_t size = text.size();
  constexpr std::uint32_t kNone = UINT32_MAX;
  std::vector<std::uint32_t> shared(size, kNone);  // first the neighbour, then the length
  for (std::size_t i = 1; i < size; ++i) {
    shared[static_cast<std::size_t>(suffixes[i])] = static_cast<std::uint32_t>(suffixes[i - 1]);
  }
  std::size_t length = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (shared[i] == kNone) {
      length = 0;
      shared[i] = 0;
      continue;
    }
    const std::size_t other = shared[i];
    while (i + length < size && other + length < size && text[i + length] == text[other + length]) ++length;
    shared[i] = static_cast<std::uint32_t>(length);
    if (length > 0) --length;
  }
  return shared;
}

}  // namespace

std::vector<std::int32_t> sort_suffixes(const std::vector<std::uint32_t>& text, std::uint32_t num_symbols) {
  std::vector<std::int32_t> suffixes(text.size());
  if (text.empty()) return suffixes;
  SuffixSorter<std::uint32_t>(text.data(), static_cast<std::int32_t>(text.size()), num_symbols, suffixes.data()).sort();
  return suffixes;
}

std::vector<RepeatedSubstring> find_repeated(const std::vector<std::uint32_t>& text,
                                             const std::vector<std::int32_t>& suffixes, std::uint32_t max_length) {
  const std::vector<std::uint32_t> shared = shared_prefixes(text, suffixes);
  std::vector<RepeatedSubstring> found;
  struct Open {
    std::uint32_t begin;
    std::uint32_t length;
  };
  std::vector<Open> open = {{0, 0}};
  const auto size = static_cast<std::uint32_t>(text.size());
  for (std::uint32_t i = 1; i <= size; ++i) {
    const std::uint32_t length = i < size ? shared[static_cast<std::size_t>(suffixes[i])] : 0;
    std::uint32_t begin = i - 1;
    while (open.back().length > length) {
      const Open closed = open.back();
      open.pop_back();
      begin = closed.begin;
      if (closed.length < 2 || closed.length > max_length) continue;
      const auto start = text.begin() + suffixes[begin];
      const auto end = start + closed.length;
      if (std::find(start, end, 0U) == end) found.push_back({begin, i, closed.length});
    }
    if (open.back().length < length) open.push_back({begin, length});
  }
  return found;
}

}  // namespace dure
