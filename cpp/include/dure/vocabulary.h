// Vocabulary: token <-> id. Tokens lie in one arena; an open-addressing index finds them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dure {

class Vocabulary {
 public:
  Vocabulary() = default;

  // Makes room. Adding without it works too.
  void reserve(std::size_t num_tokens, std::size_t size_bytes);
  // Throws std::invalid_argument for an id outside 0 to 2^31 - 1. A token or id that is given twice: the later one wins
  // (`find` gives the later id, `token` the later token), and the answer is false.
  bool add(std::string_view token, std::int64_t id);

  // The id of a token, or -1.
  std::int32_t find(std::string_view token) const;
  // The token of an id; an empty view with null data where no token has it.
  std::string_view token(std::int64_t id) const;
  bool has(std::int64_t id) const { return token(id).data() != nullptr; }
  // How many tokens were added, and the highest id (-1: none). Memory follows the first, never the second.
  std::size_t size() const { return places_.size(); }
  std::int64_t max_id() const { return max_id_; }
  // The longest token in bytes: nothing longer needs to be looked up.
  std::size_t max_size_bytes() const { return max_size_bytes_; }
  // All tokens with their ids, by id; a token that was added twice stands twice.
  std::vector<std::pair<std::string_view, std::int32_t>> sorted() const;

 private:
  struct Place {
    std::size_t begin;
    std::uint32_t size;
    std::int32_t id;
  };
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t place = 0;  // plus one; 0: free
  };
  std::string_view text(const Place& place) const { return {arena_.data() + place.begin, place.size}; }
  Slot& slot_of(std::string_view token, std::uint32_t hash);
  void resize(std::size_t num_slots);
  bool set_place(std::int32_t id, std::uint32_t place);

  std::string arena_;
  std::vector<Place> places_;  // as they were added
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> by_id_;                             // the place plus one of each small id; 0: none
  std::unordered_map<std::int32_t, std::uint32_t> by_far_id_;  // the same for ids far above the number of tokens
  std::size_t max_size_bytes_ = 0;
  std::int64_t max_id_ = -1;
};

// A 64-bit hash of bytes: fast for short keys, the same on every little-endian machine.
std::uint64_t hash_bytes(std::string_view bytes);

}  // namespace dure
