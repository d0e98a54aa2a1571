// WordPiece: the longest known piece first, from left to right.
// Schuster and Nakajima, "Japanese and Korean Voice Search" (2012); Devlin et al., "BERT" (2018).
#include <algorithm>

#include "dure/model.h"
#include "dure/trie.h"

namespace dure {
namespace {

class WordPiece : public Model {
 public:
  WordPiece(Vocabulary vocabulary, std::string unk_token, std::string prefix, std::int64_t max_chars)
      : unk_token_(std::move(unk_token)), prefix_(std::move(prefix)), max_chars_(max_chars) {
    vocabulary_ = std::move(vocabulary);
    unk_id_ = vocabulary_.find(unk_token_);
    trie_.build(vocabulary_.sorted());
    prefix_node_ = trie_.walk(prefix_);
  }

  void tokenize(std::string_view word, ModelScratch&, std::vector<Piece>& out) const override {
    const std::size_t first = out.size();
    // As many characters as bytes that don't continue one; only words with many bytes need to be counted.
    if (static_cast<std::int64_t>(word.size()) <= max_chars_ || count_chars(word) <= max_chars_) {
      if (cover(word, out)) return;
      out.resize(first);
    }
    if (unk_id_ < 0) throw_missing_unknown(unk_token_);
    out.push_back({unk_id_, 0, static_cast<std::uint32_t>(word.size())});
  }

  Json to_json() const override {
    Json json;
    json.type = Json::Type::kObject;
    json.members.emplace_back("type", json_string("WordPiece"));
    json.members.emplace_back("unk_token", json_string(unk_token_));
    json.members.emplace_back("continuing_subword_prefix", json_string(prefix_));
    json.members.emplace_back("max_input_chars_per_word", json_integer(max_chars_));
    json.members.emplace_back("vocab", vocabulary_to_json(vocabulary_));
    return json;
  }

 private:
  static std::int64_t count_chars(std::string_view word) {
    const auto starts = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; };
    return std::count_if(word.begin(), word.end(), starts);
  }

  // False where some part of the word has no piece.
  bool cover(std::string_view word, std::vector<Piece>& out) const {
    const auto size = static_cast<std::uint32_t>(word.size());
    for (std::uint32_t begin = 0; begin < size;) {
      std::int32_t node = begin == 0 ? Trie::kRoot : prefix_node_;
      std::int32_t id = Trie::kNone;
      std::uint32_t end = begin;
      for (std::uint32_t at = begin; at < size && node != Trie::kNone; ++at) {
        node = trie_.next(node, static_cast<unsigned char>(word[at]));
        if (node == Trie::kNone || trie_.value(node) == Trie::kNone) continue;
        id = trie_.value(node);
        end = at + 1;
      }
      if (id == Trie::kNone) return false;
      out.push_back({id, begin, end});
      begin = end;
    }
    return true;
  }

  std::string unk_token_;
  std::string prefix_;
  std::int64_t max_chars_;
  std::int32_t unk_id_ = -1;
  std::int32_t prefix_node_ = Trie::kNone;  // where pieces inside a word start
  Trie trie_;
};

}  // namespace

std::unique_ptr<const Model> make_wordpiece(const Json& json) {
  const std::int64_t max_chars = json.number_or("max_input_chars_per_word", 100);
  if (max_chars < 0) {
    throw JsonError("'max_input_chars_per_word' is " + std::to_string(max_chars) + "; it must not be negative");
  }
  return std::make_unique<const WordPiece>(read_vocabulary(json), json.text_or("unk_token", "[UNK]"),
                                           json.text_or("continuing_subword_prefix", "##"), max_chars);
}

}  // namespace dure
