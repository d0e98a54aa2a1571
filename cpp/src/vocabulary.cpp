#include "dure/vocabulary.h"

#include <algorithm>
#include <stdexcept>

namespace dure {
namespace {

// FNV-1a, 32 bits: short keys, no dependency, and the same order on every machine.
std::uint32_t hash_of(std::string_view text) {
  std::uint32_t hash = 2166136261U;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619U;
  return hash;
}

}  // namespace

Vocabulary::Vocabulary(const std::vector<std::pair<std::string, std::int64_t>>& tokens) {
  std::size_t capacity = 16;
  while (capacity < tokens.size() * 2) capacity *= 2;
  slots_.resize(capacity);
  tokens_.reserve(tokens.size());
  for (const auto& [token, id] : tokens) {
    if (id < 0 || id > INT32_MAX) throw std::invalid_argument("token '" + token + "' has the id " + std::to_string(id));
    if (find(token) >= 0) throw std::invalid_argument("token '" + token + "' stands twice in the vocabulary");
    const std::uint32_t hash = hash_of(token);
    tokens_.insert_or_assign(id, token);
    std::size_t at = hash & (capacity - 1);
    while (slots_[at].id >= 0) at = (at + 1) & (capacity - 1);
    slots_[at] = {hash, static_cast<std::int32_t>(id)};
    max_size_bytes_ = std::max(max_size_bytes_, token.size());
    ++num_tokens_;
  }
}

std::int32_t Vocabulary::find(std::string_view token) const {
  if (slots_.empty()) return -1;
  const std::uint32_t hash = hash_of(token);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].id >= 0; at = (at + 1) & mask) {
    if (slots_[at].hash == hash && tokens_.at(slots_[at].id) == token) return slots_[at].id;
  }
  return -1;
}

const std::string* Vocabulary::token(std::int64_t id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : &found->second;
}

std::vector<std::pair<std::string, std::int32_t>> Vocabulary::sorted() const {
  std::vector<std::pair<std::string, std::int32_t>> all;
  all.reserve(tokens_.size());
  for (const auto& [id, token] : tokens_) all.emplace_back(token, static_cast<std::int32_t>(id));
  std::sort(all.begin(), all.end(), [](const auto& left, const auto& right) { return left.second < right.second; });
  return all;
}

}  // namespace dure
