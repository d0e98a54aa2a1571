// Vocabulary: token <-> id. Tokens lie in one arena; an open-addressing index finds them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dure {

class Vocabulary {
 public:
  Vocabulary() = default;

  // Makes room. Adding without it works too.
  void reserve(std::size_t num_tokens, std::size_t size_bytes);
  // Throws std::invalid_argument for an id outside 0 to 2^31 - 1. A token or id that is given twice: the later one wins.
  void add(std::string_view token, std::int64_t id);

  // The id of a token, or -1.
  std::int32_t find(std::string_view token) const;
  // The token of an id; an empty view with null data where no token has it.
  std::string_view token(std::int64_t id) const;
  bool has(std::int64_t id) const { return token(id).data() != nullptr; }
  // How many tokens there are, and the highest id (-1: none).
  std::size_t size() const { return num_tokens_; }
  std::int64_t max_id() const { return static_cast<std::int64_t>(places_.size()) - 1; }
  // The longest token in bytes: nothing longer needs to be looked up.
  std::size_t max_size_bytes() const { return max_size_bytes_; }
  // All tokens with their ids, by id.
  std::vector<std::pair<std::string_view, std::int32_t>> sorted() const;

 private:
  struct Place {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    bool is_used = false;
  };
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t id = -1;
  };
  void grow();

  std::string arena_;
  std::vector<Place> places_;  // by id
  std::vector<Slot> slots_;
  std::size_t num_tokens_ = 0;
  std::size_t max_size_bytes_ = 0;
};

// A 64-bit hash of bytes: fast for short keys, the same on every machine.
std::uint64_t hash_bytes(std::string_view bytes);

}  // namespace dure
