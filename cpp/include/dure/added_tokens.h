// Added tokens: strings that are found in a text before anything else looks at it, and are one token each.
#pragma once

#include <array>
#include <bitset>
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
  // What the original remembers of earlier versions of a token that was added again with other flags.
  bool also_elsewhere = false;  // looked for in the other of the two texts, too
  bool elsewhere_only = false;  // looked for in the other of the two texts, and not where `normalized` says
  bool was_special = false;     // left out by decode, whatever `is_special` says

  bool is_left_out() const { return is_special || was_special; }
  bool is_looked_for(bool in_normalized) const {
    return also_elsewhere || (in_normalized == normalized) != elsewhere_only;
  }
  // Takes over the flags of a token with the same content that is added after this one.
  void add_again(const AddedToken& again);
};

// A stretch of a text: an added token, or (id -1) what lies between.
struct Stretch {
  std::int32_t id;
  Range range;
  // False for a token whose text here isn't its content: it took white space along, or it was normalized.
  bool is_verbatim = true;
};

// Finds a set of strings in UTF-8, leftmost and longest first, without overlaps.
class TokenFinder {
 public:
  // `contents[i]` is what to look for to find `tokens[i]`; empty ones are never found. Of equal contents the first
  // counts: special tokens belong before others, both in the order in which they were added.
  TokenFinder(std::vector<AddedToken> tokens, std::vector<std::string> contents);
  bool is_empty() const { return entries_.empty(); }
  // Appends stretches that cover `text` without a gap, none of them empty. White space that rstrip took along may be
  // covered a second time: by a token that begins with it, and by what follows a token inside it, as in the original.
  void split(std::string_view text, std::vector<Stretch>& out) const;
  // True when no token can match (or take white space, or look) across a place right before `space`: the text may be
  // cut there and searched piece by piece. `space` is what the normalizer makes of U+0020 between two letters.
  bool is_local(std::string_view space) const;

 private:
  struct Entry {
    std::string content;
    AddedToken token;
  };
  std::size_t find_candidate(std::string_view text, std::size_t at) const;
  const Entry* match(std::string_view text, std::size_t at) const;

  std::vector<Entry> entries_;               // sorted by content
  std::array<std::uint32_t, 257> starts_{};  // entries that begin with byte b: [starts_[b], starts_[b + 1])
  std::array<bool, 256> is_first_{};         // bytes that entries begin with
  std::bitset<65536> is_pair_;               // first byte * 256 + second byte; all second bytes for one-byte contents
  int only_first_ = -1;                      // the first byte of all entries, if they share it
};

}  // namespace dure
