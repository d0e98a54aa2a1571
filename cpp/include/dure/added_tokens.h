// Added tokens: strings that are found in a text before anything else looks at it, and are one token each.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dure/text.h"

namespace dure {

struct AddedToken {
  std::int32_t id = 0;
  std::string content;
  bool is_special = false;   // left out by decode(skip_special_tokens)
  bool single_word = false;  // only where it isn't part of a word
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // takes the white space behind it along
  bool normalized = false;   // looked for in the normalized text, not in the original
};

// A stretch of a text: an added token, or (id -1) what lies between.
struct Stretch {
  std::int32_t id;
  Range range;
};

// Finds a set of strings in UTF-8, leftmost and longest first, without overlaps.
class TokenFinder {
 public:
  // `contents[i]` is what to look for to find `tokens[i]`; empty ones are never found.
  TokenFinder(std::vector<AddedToken> tokens, std::vector<std::string> contents);
  bool is_empty() const { return entries_.empty(); }
  // Appends stretches that cover `text` without a gap; stretches between tokens are never empty.
  void split(std::string_view text, std::vector<Stretch>& out) const;
  // True when no token can match (or take white space) across a place right before a space that follows another
  // character: the text may be cut there and searched piece by piece.
  bool is_local() const;

 private:
  struct Entry {
    std::string content;
    AddedToken token;
  };
  const Entry* match(std::string_view text, std::size_t at) const;

  std::vector<Entry> entries_;                // sorted by first byte, then longest first
  std::array<std::uint32_t, 257> starts_{};   // entries that begin with byte b: [starts_[b], starts_[b + 1])
};

}  // namespace dure
