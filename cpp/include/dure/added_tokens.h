// Added tokens: strings that are found in a text before anything else looks at it, and are one token each.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
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
  std::uint32_t begin;
  std::uint32_t end;
};

// Finds a set of strings, leftmost and longest first, without overlaps.
class TokenFinder {
 public:
  // `contents[i]` is what to look for to find `tokens[i]`.
  TokenFinder(std::vector<AddedToken> tokens, const std::vector<std::vector<char32_t>>& contents);
  bool is_empty() const { return by_first_.empty(); }
  // Appends stretches that cover `chars` without a gap; stretches between tokens are never empty.
  void split(const std::vector<char32_t>& chars, std::vector<Stretch>& out) const;

 private:
  struct Entry {
    std::vector<char32_t> chars;
    AddedToken token;
  };
  const Entry* match(const std::vector<char32_t>& chars, std::size_t at) const;

  std::unordered_map<char32_t, std::vector<Entry>> by_first_;  // each list longest first
};

}  // namespace dure
