// PieceMemory: what became of pieces of text, so that a piece that was seen before costs one look-up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dure/encoding.h"

namespace dure {

// A hash table from the raw bytes of a piece (and from where it stood) to its tokens. Bounded: when it's full it forgets
// everything and starts over, which costs little because what is frequent comes back at once.
class PieceMemory {
 public:
  // Longer pieces are seldom seen twice.
  static constexpr std::size_t kMaxPieceBytes = 96;

  struct Found {
    bool is_known = false;
    const std::int32_t* ids = nullptr;
    const std::int32_t* words = nullptr;  // counted from the piece's first word
    const Span* offsets = nullptr;        // counted from the piece's first character; null without offsets
    std::uint32_t num_tokens = 0;
    std::uint32_t num_words = 0;
    std::uint32_t num_chars = 0;
  };

  // What a piece is looked up by. `place` is a small number: which ends of a text the piece held.
  struct Key {
    std::uint64_t hash = 0;
    std::uint32_t place = 0;
  };

  explicit PieceMemory(bool with_offsets) : with_offsets_(with_offsets) {}

  // Also asks for the piece's place in the table, which is far larger than the caches: make the next piece's key before
  // looking at this one, and the wait for memory is over when its turn comes.
  Key key_of(std::string_view piece, std::uint32_t place) const;
  Found find(std::string_view piece, const Key& key) const;
  void add(std::string_view piece, const Key& key, const Tokens& tokens, std::uint32_t num_words,
           std::uint32_t num_chars);

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint32_t key_begin = 0;
    std::uint32_t token_begin = 0;
    std::uint32_t num_tokens = 0;
    std::uint32_t num_words = 0;
    std::uint16_t num_chars = 0;
    std::uint8_t size = 0;  // of the key in bytes
    std::uint8_t place = 0;
    bool is_used = false;
  };
  void clear();
  void grow();

  bool with_offsets_;
  std::size_t num_used_ = 0;
  std::vector<Slot> slots_;
  std::string keys_;
  std::vector<std::int32_t> ids_;
  std::vector<std::int32_t> words_;
  std::vector<Span> offsets_;
};

}  // namespace dure
