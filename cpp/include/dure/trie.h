// Trie: finds all known tokens that begin at a place of a text, in one walk over its bytes.
// A double array (Aoe, "An Efficient Digital Search Algorithm by Using a Double-Array Structure", 1989), with xor in
// place of addition, so that all children of a node lie in one block of 256 units.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace dure {

class Trie {
 public:
  static constexpr std::int32_t kRoot = 0;
  static constexpr std::int32_t kNone = -1;

  // Starts over with these keys and their values (not negative). An empty key has no place in a trie and is left out;
  // of equal keys, the highest value counts.
  void build(const std::vector<std::pair<std::string_view, std::int32_t>>& keys);

  // The node one byte further, or kNone.
  std::int32_t next(std::int32_t node, unsigned char byte) const {
    const std::uint32_t child = units_[static_cast<std::uint32_t>(node)].base ^ byte;
    return units_[child].parent == node ? static_cast<std::int32_t>(child) : kNone;
  }
  // The node at the end of a path from the root, or kNone.
  std::int32_t walk(std::string_view path) const;
  // The value of the key that ends at a node, or kNone.
  std::int32_t value(std::int32_t node) const { return units_[static_cast<std::uint32_t>(node)].value; }

 private:
  friend class TrieBuilder;
  struct Unit {
    std::uint32_t base = 0;  // a node without children keeps 0: no unit of the first block names it as its parent
    std::int32_t parent = kNone;
    std::int32_t value = kNone;
  };
  std::vector<Unit> units_ = std::vector<Unit>(256);
};

}  // namespace dure
