// Building a double array: nodes are placed one by one, each where its children find free units.
#include "dure/trie.h"

#include <algorithm>
#include <stdexcept>

namespace dure {

namespace {

// A key, and its first eight bytes as a number: most comparisons need no more.
struct Key {
  std::uint64_t head;
  std::string_view bytes;
  std::int32_t value;
};

std::uint64_t head_of(std::string_view bytes) {
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < 8; ++i) head = head << 8 | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
  return head;
}

}  // namespace

class TrieBuilder {
 public:
  TrieBuilder(const std::vector<Key>& keys, std::vector<Trie::Unit>& units) : keys_(keys), units_(units) {
    units_.clear();
    units_.reserve(keys.size() * 3);  // about as many as vocabularies of natural languages need
    links_.reserve(keys.size() * 3);
    add_block();
    take(0);  // the root
  }

  void build() {
    // A stack instead of recursion: a key may be a million bytes long.
    std::vector<Range> open = {{0, 0, keys_.size(), 0}};
    while (!open.empty()) {
      const Range range = open.back();
      open.pop_back();
      place_children(range, open);
    }
  }

 private:
  // The keys below a node: they share their first `depth_bytes` bytes.
  struct Range {
    std::uint32_t node;
    std::size_t begin;
    std::size_t end;
    std::size_t depth_bytes;
  };
  static constexpr std::uint32_t kBlock = 256;
  // How many free units are tried for a node with several children. More packs tighter and builds slower.
  static constexpr int kMaxTries = 24;

  void place_children(const Range& range, std::vector<Range>& open) {
    std::size_t at = range.begin;
    while (at < range.end && keys_[at].bytes.size() == range.depth_bytes) {
      units_[range.node].value = keys_[at].value;
      ++at;
    }
    const std::size_t first = open.size();
    bytes_.clear();
    while (at < range.end) {
      const char byte = keys_[at].bytes[range.depth_bytes];
      const std::size_t begin = at;
      while (at < range.end && keys_[at].bytes[range.depth_bytes] == byte) ++at;
      bytes_.push_back(static_cast<unsigned char>(byte));
      open.push_back({bytes_.back(), begin, at, range.depth_bytes + 1});
    }
    if (bytes_.empty()) return;
    const std::uint32_t base = find_base();
    units_[range.node].base = base;
    for (std::size_t i = first; i < open.size(); ++i) {
      const std::uint32_t child = base ^ open[i].node;
      take(child);
      units_[child].parent = static_cast<std::int32_t>(range.node);
      open[i].node = child;
    }
  }

  std::uint32_t find_base() {
    std::uint32_t unit = head_;
    for (int i = 0; i < kMaxTries && unit != kEnd; ++i, unit = links_[unit].next) {
      const std::uint32_t base = unit ^ bytes_.front();
      const auto fits = [&](unsigned char byte) { return is_free(base ^ byte); };
      if (std::all_of(bytes_.begin(), bytes_.end(), fits)) return base;
    }
    // Units that wouldn't do are tried last from now on.
    if (unit != kEnd) head_ = unit;
    return add_block();
  }

  std::uint32_t add_block() {
    const auto begin = static_cast<std::uint32_t>(units_.size());
    if (begin > INT32_MAX - kBlock) throw std::invalid_argument("the vocabulary is too large");
    units_.resize(begin + kBlock);
    links_.resize(begin + kBlock);
    // The new units go to the front of the ring: they are the best place to look for room.
    for (std::uint32_t i = 0; i < kBlock; ++i) links_[begin + i] = {begin + i - 1, begin + i + 1, true};
    const std::uint32_t last = begin + kBlock - 1;
    const std::uint32_t next = head_ == kEnd ? begin : head_;
    const std::uint32_t previous = head_ == kEnd ? last : links_[head_].previous;
    links_[last].next = next;
    links_[next].previous = last;
    links_[begin].previous = previous;
    links_[previous].next = begin;
    head_ = begin;
    return begin;
  }

  bool is_free(std::uint32_t unit) const { return links_[unit].is_free; }

  void take(std::uint32_t unit) {
    Link& link = links_[unit];
    link.is_free = false;
    links_[link.previous].next = link.next;
    links_[link.next].previous = link.previous;
    if (head_ == unit) head_ = link.next == unit ? kEnd : link.next;
  }

  // Free units form a ring.
  struct Link {
    std::uint32_t previous = 0;
    std::uint32_t next = 0;
    bool is_free = false;
  };
  static constexpr std::uint32_t kEnd = UINT32_MAX;

  const std::vector<Key>& keys_;
  std::vector<Trie::Unit>& units_;
  std::vector<Link> links_;
  std::vector<unsigned char> bytes_;
  std::uint32_t head_ = kEnd;
};

void Trie::build(const std::vector<std::pair<std::string_view, std::int32_t>>& keys) {
  std::vector<Key> sorted;
  sorted.reserve(keys.size());
  for (const auto& [bytes, value] : keys) {
    if (!bytes.empty()) sorted.push_back({head_of(bytes), bytes, value});
  }
  std::sort(sorted.begin(), sorted.end(), [](const Key& left, const Key& right) {
    if (left.head != right.head) return left.head < right.head;
    const int order = left.bytes.compare(right.bytes);
    return order != 0 ? order < 0 : left.value < right.value;
  });
  TrieBuilder(sorted, units_).build();
}

std::int32_t Trie::walk(std::string_view path) const {
  std::int32_t node = kRoot;
  for (const char byte : path) {
    if (node == kNone) return kNone;
    node = next(node, static_cast<unsigned char>(byte));
  }
  return node;
}

}  // namespace dure
