// Cleaning up decoded text: spaces that splitting English put before punctuation and contractions go.
#include <array>
#include <string_view>

#include "dure/decoder.h"

namespace dure {
namespace {

struct Cleanup {
  std::string_view found;
  std::string_view replacement;
};

// One after the other over the whole text, as Python's str.replace does it. All begin with a space.
constexpr std::array<Cleanup, 10> kCleanups{{{" .", "."},
                                             {" ?", "?"},
                                             {" !", "!"},
                                             {" ,", ","},
                                             {" ' ", "'"},
                                             {" n't", "n't"},
                                             {" 'm", "'m"},
                                             {" 's", "'s"},
                                             {" 've", "'ve"},
                                             {" 're", "'re"}}};

// Which of them a text has, as bits: nearly always none.
unsigned occurring(std::string_view text) {
  unsigned bits = 0;
  for (std::size_t at = text.find(' '); at != std::string_view::npos; at = text.find(' ', at + 1)) {
    if (at + 1 == text.size()) break;
    switch (text[at + 1]) {
      case '.': bits |= 1U; break;
      case '?': bits |= 2U; break;
      case '!': bits |= 4U; break;
      case ',': bits |= 8U; break;
      case '\'':
      case 'n':
        for (std::size_t i = 4; i < kCleanups.size(); ++i) {
          if (text.substr(at, kCleanups[i].found.size()) == kCleanups[i].found) bits |= 1U << i;
        }
        break;
      default: break;
    }
  }
  return bits;
}

void replace_all(std::string& text, const Cleanup& cleanup) {
  std::size_t to = 0;
  std::size_t from = 0;
  for (std::size_t at = text.find(cleanup.found); at != std::string::npos; at = text.find(cleanup.found, from)) {
    text.replace(to, at - from, text, from, at - from);
    to += at - from;
    text.replace(to, cleanup.replacement.size(), cleanup.replacement);
    to += cleanup.replacement.size();
    from = at + cleanup.found.size();
  }
  text.erase(to, from - to);
}

}  // namespace

void clean_up_text(std::string& text) {
  // A replacement may make room for a later one, which is looked for again then.
  unsigned bits = occurring(text);
  for (std::size_t i = 0; bits != 0 && i < kCleanups.size(); ++i) {
    if ((bits >> i & 1U) == 0) continue;
    replace_all(text, kCleanups[i]);
    bits = occurring(text);
  }
}

}  // namespace dure
