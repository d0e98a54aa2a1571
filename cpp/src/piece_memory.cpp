#include "dure/piece_memory.h"

#include <cstring>

#include "dure/vocabulary.h"

namespace dure {
namespace {

constexpr std::size_t kMaxEntries = std::size_t{1} << 17;
constexpr std::size_t kMaxTokens = std::size_t{1} << 20;

}  // namespace

PieceMemory::Key PieceMemory::key_of(std::string_view piece, std::uint32_t place) const {
  if (piece.size() > kMaxPieceBytes) return {0, place};
  // Places are few and small: in the high bits they tell keys apart without moving them in the table.
  const std::uint64_t hash = hash_bytes(piece) ^ (static_cast<std::uint64_t>(place) << 56);
  if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  return {hash, place};
}

PieceMemory::Found PieceMemory::find(std::string_view piece, const Key& key) const {
  if (slots_.empty() || piece.size() > kMaxPieceBytes) return {};
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = key.hash & mask; slots_[at].is_used; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.hash != key.hash || slot.size != piece.size() || slot.place != key.place) continue;
    if (std::memcmp(keys_.data() + slot.key_begin, piece.data(), piece.size()) != 0) continue;
    return {true,
            ids_.data() + slot.token_begin,
            words_.data() + slot.token_begin,
            with_offsets_ ? offsets_.data() + slot.token_begin : nullptr,
            slot.num_tokens,
            slot.num_words,
            slot.num_chars};
  }
  return {};
}

void PieceMemory::add(std::string_view piece, const Key& key, const Tokens& tokens, std::uint32_t num_words,
                      std::uint32_t num_chars) {
  if (piece.empty() || piece.size() > kMaxPieceBytes) return;
  if (num_used_ >= kMaxEntries || ids_.size() + tokens.ids.size() > kMaxTokens) clear();
  if (num_used_ * 2 >= slots_.size()) grow();
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = key.hash & mask;
  while (slots_[at].is_used) at = (at + 1) & mask;
  slots_[at] = {key.hash,
                static_cast<std::uint32_t>(keys_.size()),
                static_cast<std::uint32_t>(ids_.size()),
                static_cast<std::uint32_t>(tokens.ids.size()),
                num_words,
                static_cast<std::uint16_t>(num_chars),
                static_cast<std::uint8_t>(piece.size()),
                static_cast<std::uint8_t>(key.place),
                true};
  ++num_used_;
  keys_.append(piece);
  ids_.insert(ids_.end(), tokens.ids.begin(), tokens.ids.end());
  words_.insert(words_.end(), tokens.words.begin(), tokens.words.end());
  if (with_offsets_) offsets_.insert(offsets_.end(), tokens.offsets.begin(), tokens.offsets.end());
}

void PieceMemory::clear() {
  num_used_ = 0;
  slots_.assign(slots_.size(), {});
  keys_.clear();
  ids_.clear();
  words_.clear();
  offsets_.clear();
}

void PieceMemory::grow() {
  std::vector<Slot> old(slots_.empty() ? 1024 : slots_.size() * 2);
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (!slot.is_used) continue;
    std::size_t at = slot.hash & mask;
    while (slots_[at].is_used) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

}  // namespace dure
