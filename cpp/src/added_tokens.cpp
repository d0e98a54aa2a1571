#include "dure/added_tokens.h"

#include <algorithm>
#include <utility>

#include "dure/unicode.h"

namespace dure {
namespace {

bool is_word(char32_t code) { return (unicode_flags(code) & kWord) != 0; }
bool is_space(char32_t code) { return (unicode_flags(code) & kSpace) != 0; }

}  // namespace

TokenFinder::TokenFinder(std::vector<AddedToken> tokens, const std::vector<std::vector<char32_t>>& contents) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!contents[i].empty()) by_first_[contents[i][0]].push_back({contents[i], std::move(tokens[i])});
  }
  for (auto& [first, entries] : by_first_) {
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& left, const Entry& right) { return left.chars.size() > right.chars.size(); });
  }
}

const TokenFinder::Entry* TokenFinder::match(const std::vector<char32_t>& chars, std::size_t at) const {
  const auto found = by_first_.find(chars[at]);
  if (found == by_first_.end()) return nullptr;
  for (const Entry& entry : found->second) {
    const std::size_t length = entry.chars.size();
    if (at + length > chars.size()) continue;
    if (std::equal(entry.chars.begin(), entry.chars.end(), chars.begin() + static_cast<std::ptrdiff_t>(at))) return &entry;
  }
  return nullptr;
}

void TokenFinder::split(const std::vector<char32_t>& chars, std::vector<Stretch>& out) const {
  std::size_t done = 0;
  std::size_t at = 0;
  while (at < chars.size()) {
    const Entry* entry = match(chars, at);
    if (entry == nullptr) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + entry->chars.size();
    at = end;
    if (entry->token.single_word) {
      const bool touches_word = (begin > 0 && is_word(chars[begin - 1])) || (end < chars.size() && is_word(chars[end]));
      if (touches_word) continue;
    }
    if (entry->token.lstrip) {
      while (begin > done && is_space(chars[begin - 1])) --begin;
    }
    if (entry->token.rstrip) {
      while (end < chars.size() && is_space(chars[end])) ++end;
    }
    begin = std::max(begin, done);
    if (done < begin) out.push_back({-1, static_cast<std::uint32_t>(done), static_cast<std::uint32_t>(begin)});
    out.push_back({entry->token.id, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    done = end;
    at = std::max(at, end);
  }
  if (done < chars.size()) out.push_back({-1, static_cast<std::uint32_t>(done), static_cast<std::uint32_t>(chars.size())});
}

}  // namespace dure
