// Vocabulary: token <-> id, in one arena with an open-addressing index.
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
  // Throws std::invalid_argument for a negative id.
  explicit Vocabulary(const std::vector<std::pair<std::string, std::int64_t>>& tokens);

  // The id of a token, or -1.
  std::int32_t find(std::string_view token) const;
  // The token of an id; null where no token has it.
  const std::string* token(std::int64_t id) const;
  std::size_t size() const { return num_tokens_; }
  // The longest token in bytes: nothing longer needs to be looked up.
  std::size_t max_size_bytes() const { return max_size_bytes_; }
  // All tokens with their ids, by id.
  std::vector<std::pair<std::string, std::int32_t>> sorted() const;

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t id = -1;
  };
  std::vector<Slot> slots_;
  std::unordered_map<std::int64_t, std::string> tokens_;
  std::size_t num_tokens_ = 0;
  std::size_t max_size_bytes_ = 0;
};

}  // namespace dure
