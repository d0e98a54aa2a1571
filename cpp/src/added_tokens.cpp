// The search for added tokens.
#include "dure/added_tokens.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dure/unicode.h"

namespace dure {
namespace {

unsigned byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

bool is_continuation(std::string_view text, std::size_t at) { return (byte_at(text, at) & 0xC0U) == 0x80; }

// Where the character before `at` begins; `at` must not be 0.
std::size_t previous(std::string_view text, std::size_t at) {
  const std::size_t limit = at < 4 ? 0 : at - 4;
  std::size_t begin = at - 1;
  while (begin > limit && is_continuation(text, begin)) --begin;
  return begin;
}

std::size_t next(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && end < at + 4 && is_continuation(text, end)) ++end;
  return end;
}

// Properties of the character in [begin, end).
std::uint8_t flags(std::string_view text, std::size_t begin, std::size_t end) {
  char32_t code = byte_at(text, begin);
  if (end - begin > 1) code &= 0x7FU >> (end - begin);
  for (std::size_t i = begin + 1; i < end; ++i) code = (code << 6) | (byte_at(text, i) & 0x3FU);
  return unicode_flags(code);
}

bool follows(std::string_view text, std::size_t at, UnicodeFlag flag) {
  return at > 0 && (flags(text, previous(text, at), at) & flag) != 0;
}

bool precedes(std::string_view text, std::size_t at, UnicodeFlag flag) {
  return at < text.size() && (flags(text, at, next(text, at)) & flag) != 0;
}

Range range(std::size_t begin, std::size_t end) {
  return {static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)};
}

}  // namespace

// The original searches for every version that was added before the token became special, and for the first special one;
// all of them behave as the last version says.
void AddedToken::add_again(const AddedToken& again) {
  const bool is_same = is_special == again.is_special && single_word == again.single_word && lstrip == again.lstrip &&
                       rstrip == again.rstrip && normalized == again.normalized;
  if (is_same) return;
  bool is_raw = is_looked_for(false);
  bool is_normalized = is_looked_for(true);
  if (!is_left_out()) (again.normalized ? is_normalized : is_raw) = true;
  was_special = is_left_out();
  is_special = again.is_special;
  single_word = again.single_word;
  lstrip = again.lstrip;
  rstrip = again.rstrip;
  normalized = again.normalized;
  also_elsewhere = is_raw && is_normalized;
  elsewhere_only = !also_elsewhere && is_normalized != normalized;
}

TokenFinder::TokenFinder(std::vector<AddedToken> tokens, std::vector<std::string> contents) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!contents[i].empty()) entries_.push_back({std::move(contents[i]), std::move(tokens[i])});
  }
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& left, const Entry& right) { return left.content < right.content; });
  const auto same = [](const Entry& left, const Entry& right) { return left.content == right.content; };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  for (const Entry& entry : entries_) {
    const unsigned first = byte_at(entry.content, 0);
    ++starts_[first + 1];
    is_first_[first] = true;
    const bool is_single = entry.content.size() == 1;
    const unsigned low = is_single ? 0 : byte_at(entry.content, 1);
    const unsigned high = is_single ? 255 : low;
    for (unsigned second = low; second <= high; ++second) is_pair_.set(first * 256 + second);
  }
  for (std::size_t i = 1; i < starts_.size(); ++i) starts_[i] += starts_[i - 1];
  if (std::count(is_first_.begin(), is_first_.end(), true) == 1) {
    only_first_ = static_cast<int>(byte_at(entries_[0].content, 0));
  }
}

// The next place at or behind `at` where an entry may begin; the size of the text when there is none.
std::size_t TokenFinder::find_candidate(std::string_view text, std::size_t at) const {
  const std::size_t size = text.size();
  for (; at < size; ++at) {
    if (only_first_ >= 0) {
      const void* found = std::memchr(text.data() + at, only_first_, size - at);
      if (found == nullptr) return size;
      at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    } else {
      while (at < size && !is_first_[byte_at(text, at)]) ++at;
      if (at == size) return size;
    }
    const unsigned second = at + 1 < size ? byte_at(text, at + 1) : 0;
    if (at + 1 == size || is_pair_[byte_at(text, at) * 256 + second]) return at;
  }
  return size;
}

// The longest entry that stands at `at`: entries that share a prefix lie side by side, the prefix itself first.
const TokenFinder::Entry* TokenFinder::match(std::string_view text, std::size_t at) const {
  const unsigned first = byte_at(text, at);
  const Entry* begin = entries_.data() + starts_[first];
  const Entry* end = entries_.data() + starts_[first + 1];
  const Entry* longest = nullptr;
  for (std::size_t length = 1; begin != end; ++length) {
    if (begin->content.size() == length) longest = begin++;
    if (begin == end || at + length >= text.size()) break;
    const unsigned wanted = byte_at(text, at + length);
    begin = std::partition_point(begin, end, [=](const Entry& it) { return byte_at(it.content, length) < wanted; });
    end = std::partition_point(begin, end, [=](const Entry& it) { return byte_at(it.content, length) == wanted; });
  }
  return longest;
}

void TokenFinder::split(std::string_view text, std::vector<Stretch>& out) const {
  std::size_t done = 0;
  std::size_t spaces_end = 0;  // of the last white space that was looked through, so that none is twice
  for (std::size_t at = find_candidate(text, 0); at < text.size(); at = find_candidate(text, at)) {
    const Entry* entry = match(text, at);
    if (entry == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + entry->content.size();
    // The search goes on right behind the match, even if it's no single word or white space behind it is taken along.
    at = end;
    if (entry->token.single_word && (follows(text, begin, kWord) || precedes(text, end, kWord))) continue;
    if (entry->token.lstrip) {
      while (begin > done && follows(text, begin, kSpace)) begin = previous(text, begin);
      begin = std::max(begin, done);  // the token before may have taken the white space
    }
    if (entry->token.rstrip) {
      end = std::max(end, spaces_end);
      while (precedes(text, end, kSpace)) end = next(text, end);
      spaces_end = end;
    }
    if (begin > end) continue;  // all of it was taken by the token before; the original panics
    if (done < begin) out.push_back({-1, range(done, begin)});
    if (begin < end) {
      out.push_back({entry->token.id, range(begin, end), text.substr(begin, end - begin) == entry->token.content});
    }
    done = end;
  }
  if (done < text.size()) out.push_back({-1, range(done, text.size())});
}

bool TokenFinder::is_local(std::string_view space) const {
  // Nothing is known here of the characters around a cut: a token that looks around itself counts as crossing it.
  return std::all_of(entries_.begin(), entries_.end(), [space](const Entry& entry) {
    const AddedToken& token = entry.token;
    if (token.lstrip || token.rstrip || token.single_word || space.empty()) return false;
    return entry.content.find(space, 1) == std::string::npos && token.content.find(' ', 1) == std::string::npos;
  });
}

}  // namespace dure
