// WordPiece: the longest known piece first, from left to right.
// Schuster and Nakajima, "Japanese and Korean Voice Search" (2012); Devlin et al., "BERT" (2018).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dure/vocabulary.h"

namespace dure {

// A piece of a word: its id, and where it ends in the word. It begins where the piece before it ends.
struct Piece {
  std::int32_t id;
  std::uint32_t end_chars;
};

class WordPiece {
 public:
  // Throws std::invalid_argument when `unk_token` isn't in the vocabulary.
  WordPiece(Vocabulary vocabulary, std::string unk_token, std::string prefix, std::uint32_t max_chars);

  // Appends the pieces of a word; one unknown piece where no cover exists or the word is too long.
  void tokenize(const char32_t* word, std::uint32_t length, std::vector<Piece>& out) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
  std::string prefix_;
  std::uint32_t max_chars_;
  std::int32_t unk_id_;
};

}  // namespace dure
