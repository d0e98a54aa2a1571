#include "dure/wordpiece.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "dure/utf8.h"

namespace dure {

WordPiece::WordPiece(Vocabulary vocabulary, std::string unk_token, std::string prefix, std::uint32_t max_chars)
    : vocabulary_(std::move(vocabulary)), prefix_(std::move(prefix)), max_chars_(max_chars) {
  unk_id_ = vocabulary_.find(unk_token);
  if (unk_id_ < 0) throw std::invalid_argument("the unknown token '" + unk_token + "' is not in the vocabulary");
}

void WordPiece::tokenize(const char32_t* word, std::uint32_t length, std::vector<Piece>& out) const {
  const std::size_t first = out.size();
  if (length > max_chars_) {
    out.push_back({unk_id_, length});
    return;
  }
  // `key` is the prefix and the rest of the word; `ends[i]` is where its i-th character ends, so that shorter
  // candidates are views of it and nothing is copied.
  std::string key;
  std::vector<std::size_t> ends;
  for (std::uint32_t begin = 0; begin < length;) {
    key.assign(begin == 0 ? "" : prefix_);
    ends.clear();
    for (std::uint32_t at = begin; at < length && key.size() <= vocabulary_.max_size_bytes(); ++at) {
      append_utf8(word[at], key);
      ends.push_back(key.size());
    }
    std::int32_t id = -1;
    std::size_t count = ends.size();
    for (; count > 0; --count) {
      id = vocabulary_.find(std::string_view(key).substr(0, ends[count - 1]));
      if (id >= 0) break;
    }
    if (id < 0) {
      out.resize(first);
      out.push_back({unk_id_, length});
      return;
    }
    begin += static_cast<std::uint32_t>(count);
    out.push_back({id, begin});
  }
}

}  // namespace dure
