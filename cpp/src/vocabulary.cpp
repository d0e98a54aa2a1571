// The vocabulary's index: linear probing over slots of eight bytes, at most half full.
#include "dure/vocabulary.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace dure {
namespace {

__extension__ using Wide = unsigned __int128;

std::uint64_t mix(std::uint64_t left, std::uint64_t right) {
  const Wide product = static_cast<Wide>(left) * right;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t load(const char* from, std::size_t size_bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, size_bytes);
  return value;
}

// Ids below this are kept in a plain list: a few times as many as there are tokens.
std::size_t near_limit(std::size_t num_tokens) { return num_tokens * 4 + 1024; }

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
  constexpr std::uint64_t kFirst = 0x9E3779B97F4A7C15U;   // 2^64 divided by the golden ratio
  constexpr std::uint64_t kSecond = 0xD6E8FEB86659FD93U;  // an odd number without pattern
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t hash = left * kFirst;
  for (; left > 8; left -= 8, at += 8) hash = mix(hash ^ load(at, 8), kSecond);
  // The rest in one or two reads that may overlap.
  std::uint64_t rest = 0;
  if (left == 8) {
    rest = load(at, 8);
  } else if (left >= 4) {
    rest = load(at, 4) | load(at + left - 4, 4) << 32;
  } else if (left > 0) {
    rest = load(at, 1) | load(at + left / 2, 1) << 8 | load(at + left - 1, 1) << 16;
  }
  return mix(hash ^ rest ^ kFirst, kSecond);
}

void Vocabulary::reserve(std::size_t num_tokens, std::size_t size_bytes) {
  arena_.reserve(size_bytes);
  places_.reserve(num_tokens);
  std::size_t num_slots = 16;
  while (num_slots < num_tokens * 2) num_slots *= 2;
  if (num_slots > slots_.size()) resize(num_slots);
}

void Vocabulary::resize(std::size_t num_slots) {
  std::vector<Slot> old(num_slots);
  old.swap(slots_);
  const std::size_t mask = num_slots - 1;
  for (const Slot& slot : old) {
    if (slot.place == 0) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].place != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

Vocabulary::Slot& Vocabulary::slot_of(std::string_view token, std::uint32_t hash) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].place != 0 && (slots_[at].hash != hash || text(places_[slots_[at].place - 1]) != token)) {
    at = (at + 1) & mask;
  }
  return slots_[at];
}

// Whether the id was free before.
bool Vocabulary::set_place(std::int32_t id, std::uint32_t place) {
  const auto index = static_cast<std::size_t>(id);
  if (index >= by_id_.size() && index < near_limit(places_.capacity())) {
    by_id_.resize(std::max(index + 1, std::min(by_id_.size() * 2, near_limit(places_.capacity()))));
  }
  std::uint32_t& at = index < by_id_.size() ? by_id_[index] : by_far_id_[id];
  bool was_free = at == 0;
  // The id may have come when it was still far above the number of tokens.
  if (index < by_id_.size() && !by_far_id_.empty() && by_far_id_.erase(id) > 0) was_free = false;
  at = place;
  return was_free;
}

bool Vocabulary::add(std::string_view token, std::int64_t id) {
  if (id < 0 || id > INT32_MAX) {
    throw std::invalid_argument("the token '" + std::string(token) + "' has the id " + std::to_string(id) +
                                "; ids go from 0 to 2147483647");
  }
  if (token.size() > UINT32_MAX || places_.size() >= INT32_MAX) {
    throw std::invalid_argument("the vocabulary is too large; at most 2147483647 tokens are allowed");
  }
  if ((places_.size() + 1) * 2 > slots_.size()) resize(std::max<std::size_t>(slots_.size() * 2, 16));
  const auto hash = static_cast<std::uint32_t>(hash_bytes(token));
  const auto short_id = static_cast<std::int32_t>(id);
  Slot& slot = slot_of(token, hash);
  const bool is_new = slot.place == 0;
  places_.push_back({arena_.size(), static_cast<std::uint32_t>(token.size()), short_id});
  if (is_new) {
    arena_.append(token);
  } else {
    places_.back().begin = places_[slot.place - 1].begin;
  }
  const auto place = static_cast<std::uint32_t>(places_.size());
  slot = {hash, place};
  max_size_bytes_ = std::max(max_size_bytes_, token.size());
  max_id_ = std::max(max_id_, id);
  return set_place(short_id, place) && is_new;
}

std::int32_t Vocabulary::find(std::string_view token) const {
  if (slots_.empty() || token.size() > max_size_bytes_) return -1;
  const auto hash = static_cast<std::uint32_t>(hash_bytes(token));
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].place != 0; at = (at + 1) & mask) {
    if (slots_[at].hash != hash) continue;
    const Place& place = places_[slots_[at].place - 1];
    if (text(place) == token) return place.id;
  }
  return -1;
}

std::string_view Vocabulary::token(std::int64_t id) const {
  if (id < 0 || id > max_id_) return {};
  std::uint32_t place = 0;
  if (static_cast<std::size_t>(id) < by_id_.size()) place = by_id_[static_cast<std::size_t>(id)];
  if (place == 0 && !by_far_id_.empty()) {
    const auto found = by_far_id_.find(static_cast<std::int32_t>(id));
    if (found != by_far_id_.end()) place = found->second;
  }
  return place == 0 ? std::string_view{} : text(places_[place - 1]);
}

std::vector<std::pair<std::string_view, std::int32_t>> Vocabulary::sorted() const {
  std::vector<std::pair<std::string_view, std::int32_t>> all;
  all.reserve(places_.size());
  for (const Place& place : places_) all.emplace_back(text(place), place.id);
  const auto by_id = [](const auto& left, const auto& right) { return left.second < right.second; };
  if (!std::is_sorted(all.begin(), all.end(), by_id)) std::stable_sort(all.begin(), all.end(), by_id);
  return all;
}

}  // namespace dure
