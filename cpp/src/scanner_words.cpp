// The patterns that split text into words for byte-level vocabularies. They differ in a few choices only, so one
// scanner makes these choices from a Recipe, which is read from the pattern.
#include <algorithm>
#include <cstring>

#include "dure/scanner.h"

namespace dure {
namespace {

constexpr Kinds kCaseless = kMarks | kinds_of(CharKind::kModifier, CharKind::kOtherLetter);
constexpr Kinds kUpperSide = kCaseless | kinds_of(CharKind::kUpper, CharKind::kTitle);
constexpr Kinds kLowerSide = kCaseless | kinds_of(CharKind::kLower);

enum class Contractions { kNone, kExact, kAnyCase, kAsciiCase };
enum class Leader { kNone, kSpace, kAny };  // what may stand before letters: nothing, ` ?`, `[^\r\n\p{L}\p{N}]?`

struct Recipe {
  std::vector<std::string> specials;  // literal alternatives before all others
  Contractions contractions = Contractions::kNone;
  Leader leader = Leader::kNone;
  Kinds letters = kLetters;
  bool is_cased = false;                           // words end where upper case begins (o200k)
  Contractions suffixes = Contractions::kNone;     // a contraction belongs to the word before it (o200k)
  std::uint32_t max_numbers = 0;                   // 0: no limit
  bool space_before_numbers = false;
  bool space_before_others = false;
  Kinds others = 0;
  std::string_view after_others;  // of \r, \n, /
  bool trailing_first = false;    // `\s++$` before all other white space
  bool newline_runs = false;      // `\s*[\r\n]+`
  bool white_space = false;       // `\s+(?!\S)|\s+`
};

bool is_equal_ignoring_case(const char* text, std::string_view lower, bool ignores_case) {
  for (std::size_t i = 0; i < lower.size(); ++i) {
    const char byte = text[i];
    if (byte == lower[i]) continue;
    if (!ignores_case || byte != lower[i] - 'a' + 'A') return false;
  }
  return true;
}

// The length of 's 't 're 've 'm 'll 'd at `at`, which holds an apostrophe; 0 for none.
std::uint32_t contraction_bytes(const char* at, const char* end, Contractions kind) {
  const auto left = end - at;
  const bool ignores_case = kind != Contractions::kExact;
  for (const std::string_view tail : {"s", "t", "m", "d", "re", "ve", "ll"}) {
    const auto size = static_cast<std::ptrdiff_t>(tail.size());
    if (left > size && is_equal_ignoring_case(at + 1, tail, ignores_case)) return static_cast<std::uint32_t>(size + 1);
  }
  // The long s folds to s.
  if (kind == Contractions::kAnyCase && left > 2 && std::memcmp(at + 1, "\xC5\xBF", 2) == 0) return 3;
  return 0;
}

// A letter of either case if `fold` is 0x20, a lower-case one if it's 0.
bool is_ascii_letter(char byte, unsigned fold) { return (static_cast<unsigned char>(byte) | fold) - 'a' < 26U; }

class WordScanner final : public Regex {
 public:
  explicit WordScanner(Recipe recipe) : recipe_(std::move(recipe)) {}

  void find_all(std::string_view text, std::vector<Range>& matches) const override {
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const bool is_led = recipe_.leader != Leader::kNone;
    const Kinds letters = recipe_.is_cased ? kLowerSide : recipe_.letters;
    const unsigned fold = recipe_.is_cased ? 0 : 0x20;
    for (const char* at = begin; at < end;) {
      // Most of most texts: a space and a word in ASCII (in lower case, if case matters).
      if (*at == ' ' && is_led && end - at > 1 && is_ascii_letter(at[1], fold)) {
        const char* stop = skip_kinds(at + 2, end, letters);
        if (stop < end && *stop == '\'') stop += suffix_bytes(stop, end);
        matches.push_back({static_cast<std::uint32_t>(at - begin), static_cast<std::uint32_t>(stop - begin)});
        at = stop;
        continue;
      }
      const Glance first = glance(at, end);
      const char* const stop = match(at, end, first);
      if (stop == at) {
        at += first.size_bytes;
        continue;
      }
      matches.push_back({static_cast<std::uint32_t>(at - begin), static_cast<std::uint32_t>(stop - begin)});
      at = stop;
    }
  }

  // A match that goes on past a character that isn't white space stops before U+0020 at the latest: only leaders and
  // runs of white space take it. What looks ahead, `\s+(?!\S)`, ends in white space, so never at a cut.
  bool is_local() const override { return true; }

  CutSides sides_of_cut() const override {
    const bool takes_space =
        recipe_.leader != Leader::kNone || recipe_.space_before_numbers || recipe_.space_before_others;
    const CutSide unmatched = takes_space ? CutSide::kUnknown : CutSide::kGap;
    return {CutSide::kMatch, recipe_.white_space ? CutSide::kMatch : unmatched};
  }

 private:
  const char* match(const char* at, const char* end, Glance first) const {
    const Recipe& recipe = recipe_;
    if ((first.kind & recipe.letters) != 0 && !recipe.is_cased) {
      return skip_kinds(at + first.size_bytes, end, recipe.letters);
    }
    if (*at == '\'' && recipe.contractions != Contractions::kNone) {
      if (const auto size = contraction_bytes(at, end, recipe.contractions)) return at + size;
    }
    for (const std::string& special : recipe.specials) {
      if (std::string_view(at, static_cast<std::size_t>(end - at)).starts_with(special)) return at + special.size();
    }
    const char* const next = at + first.size_bytes;
    const Glance second = next < end ? glance(next, end) : Glance{0, 0};
    if (const char* stop = match_led(at, next, end, first, second)) return stop;
    if ((first.kind & kNumbers) != 0) return match_numbers(next, end);
    if (*at == ' ' && recipe.space_before_numbers && (second.kind & kNumbers) != 0) {
      return match_numbers(next + second.size_bytes, end);
    }
    if ((first.kind & recipe.others) != 0) return match_others(next, end);
    if (*at == ' ' && recipe.space_before_others && (second.kind & recipe.others) != 0) {
      return match_others(next + second.size_bytes, end);
    }
    return recipe.white_space && (first.kind & kSpaces) != 0 ? match_spaces(at, end) : at;
  }

  // Letters after a leader, or words with case; null for none.
  const char* match_led(const char* at, const char* next, const char* end, Glance first, Glance second) const {
    const bool is_leader = recipe_.leader == Leader::kAny ? (first.kind & (kNewlines | kLetters | kNumbers)) == 0
                                                          : recipe_.leader == Leader::kSpace && *at == ' ';
    if (recipe_.is_cased) {
      const Kinds word = kUpperSide | kLowerSide;
      if ((first.kind & word) == 0 && (!is_leader || (second.kind & word) == 0)) return nullptr;
      return match_cased(at, is_leader ? next : nullptr, end);
    }
    if (!is_leader || (second.kind & recipe_.letters) == 0) return nullptr;
    return skip_kinds(next + second.size_bytes, end, recipe_.letters);
  }

  // The first alternative (upper* lower+) with and without the leader, then the second (upper+ lower*).
  const char* match_cased(const char* at, const char* led, const char* end) const {
    const char* stop = led != nullptr ? match_lower_ended(led, end) : nullptr;
    if (stop == nullptr) stop = match_lower_ended(at, end);
    if (stop == nullptr && led != nullptr) stop = match_upper_started(led, end);
    if (stop == nullptr) stop = match_upper_started(at, end);
    return stop != nullptr && stop < end && *stop == '\'' ? stop + suffix_bytes(stop, end) : stop;
  }

  std::uint32_t suffix_bytes(const char* at, const char* end) const {
    return recipe_.suffixes == Contractions::kNone ? 0 : contraction_bytes(at, end, recipe_.suffixes);
  }

  static const char* match_lower_ended(const char* at, const char* end) {
    const char* const stop = skip_kinds(at, end, kUpperSide);
    if (stop < end && (glance(stop, end).kind & kinds_of(CharKind::kLower)) != 0) {
      return skip_kinds(stop, end, kLowerSide);
    }
    // No lower case follows: the greedy run gives back what it took, up to its last caseless character.
    for (const char* after = stop; after > at;) {
      const char* last = after - 1;
      while (last > at && (static_cast<unsigned char>(*last) & 0xC0U) == 0x80) --last;
      if ((glance(last, end).kind & kCaseless) != 0) return after;
      after = last;
    }
    return nullptr;
  }

  static const char* match_upper_started(const char* at, const char* end) {
    const char* const stop = skip_kinds(at, end, kUpperSide);
    return stop > at ? skip_kinds(stop, end, kLowerSide) : nullptr;
  }

  // `at` is after the first number.
  const char* match_numbers(const char* at, const char* end) const {
    if (recipe_.max_numbers == 0) return skip_kinds(at, end, kNumbers);
    for (std::uint32_t count = 1; count < recipe_.max_numbers && at < end; ++count) {
      const Glance next = glance(at, end);
      if ((next.kind & kNumbers) == 0) break;
      at += next.size_bytes;
    }
    return at;
  }

  // `at` is after the first such character.
  const char* match_others(const char* at, const char* end) const {
    at = skip_kinds(at, end, recipe_.others);
    if (recipe_.after_others.empty()) return at;
    while (at < end && recipe_.after_others.find(*at) != std::string_view::npos) ++at;
    return at;
  }

  const char* match_spaces(const char* at, const char* end) const {
    const char* const stop = skip_kinds(at, end, kSpaces);
    if (recipe_.trailing_first && stop == end) return end;
    if (recipe_.newline_runs) {
      if (const char* after = after_last_newline(at, stop)) return after;
    }
    const char* const before = before_last_space(at, stop, end);
    return before != nullptr ? before : stop;
  }

  Recipe recipe_;
};

// Reads a pattern's alternatives in the order of the recipe.
class RecipeReader {
 public:
  explicit RecipeReader(std::vector<std::string_view> alternatives) : alternatives_(std::move(alternatives)) {}

  bool read(Recipe& recipe) {
    read_specials(recipe);
    read_contractions(recipe);
    if (!read_cased(recipe) && !read_letters(recipe)) return false;
    if (!read_numbers(recipe) || !read_others(recipe)) return false;
    if (recipe.others != ~(kSpaces | recipe.letters | kNumbers)) return false;
    return read_spaces(recipe) && at_ == alternatives_.size();
  }

 private:
  bool take(std::string_view alternative) {
    if (at_ == alternatives_.size() || alternatives_[at_] != alternative) return false;
    ++at_;
    return true;
  }

  bool take_any(std::initializer_list<std::string_view> spellings) {
    return std::any_of(spellings.begin(), spellings.end(), [this](auto spelling) { return take(spelling); });
  }

  static bool eat(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
  }

  void read_specials(Recipe& recipe) {
    for (const std::string_view special : {R"(<\|startoftext\|>)", R"(<\|endoftext\|>)"}) {
      if (!take(special)) continue;
      std::string literal(special);
      std::erase(literal, '\\');
      recipe.specials.push_back(std::move(literal));
    }
  }

  void read_contractions(Recipe& recipe) {
    if (take_any({"(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'(?i:[sdmt]|ll|ve|re)"})) {
      recipe.contractions = Contractions::kAnyCase;
    } else if (take("(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])")) {
      recipe.contractions = Contractions::kAsciiCase;
    } else if (take("(?:'s|'t|'re|'ve|'m|'ll|'d)") || take("'(?:[sdmt]|ll|ve|re)")) {
      recipe.contractions = Contractions::kExact;
    } else {
      constexpr std::string_view kEach[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
      if (alternatives_.size() < at_ + std::size(kEach)) return;
      const auto from = alternatives_.begin() + static_cast<std::ptrdiff_t>(at_);
      if (!std::equal(std::begin(kEach), std::end(kEach), from)) return;
      at_ += std::size(kEach);
      recipe.contractions = Contractions::kExact;
    }
  }

  bool read_cased(Recipe& recipe) {
    constexpr std::string_view kBegin = R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])";
    constexpr std::string_view kMiddle = R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])";
    if (at_ + 1 >= alternatives_.size()) return false;
    std::string_view first = alternatives_[at_];
    std::string_view second = alternatives_[at_ + 1];
    if (!eat(first, kBegin) || !eat(first, "*") || !eat(first, kMiddle) || !eat(first, "+")) return false;
    if (!eat(second, kBegin) || !eat(second, "+") || !eat(second, kMiddle) || !eat(second, "*")) return false;
    if (first != second) return false;
    if (first == "(?i:'s|'t|'re|'ve|'m|'ll|'d)?") {
      recipe.suffixes = Contractions::kAnyCase;
    } else if (!first.empty()) {
      return false;
    }
    recipe.is_cased = true;
    recipe.leader = Leader::kAny;
    at_ += 2;
    return true;
  }

  bool read_letters(Recipe& recipe) {
    if (at_ == alternatives_.size()) return false;
    std::string_view text = alternatives_[at_];
    bool is_possessive = false;
    if (eat(text, " ?")) {
      recipe.leader = Leader::kSpace;
    } else if (eat(text, R"([^\r\n\p{L}\p{N}]?)")) {
      recipe.leader = Leader::kAny;
      is_possessive = eat(text, "+");
    }
    if (eat(text, R"([\p{L}\p{M}])")) {
      // A possessive leader would keep a mark that no letter follows.
      if (is_possessive) return false;
      recipe.letters = kLetters | kMarks;
    } else if (!eat(text, R"([\p{L}])") && !eat(text, R"(\p{L})")) {
      return false;
    }
    if (text != "+" && text != "++") return false;
    ++at_;
    return true;
  }

  bool read_numbers(Recipe& recipe) {
    if (at_ == alternatives_.size()) return false;
    std::string_view text = alternatives_[at_];
    recipe.space_before_numbers = eat(text, " ?");
    if (!eat(text, R"([\p{N}])") && !eat(text, R"(\p{N})")) return false;
    if (text.empty()) {
      recipe.max_numbers = 1;
    } else if (text == "{1,3}") {
      recipe.max_numbers = 3;
    } else if (text != "+" && text != "++" && text != "{1,3}+") {
      // To the original's engine, a plus after an interval repeats it once more.
      return false;
    }
    ++at_;
    return true;
  }

  bool read_others(Recipe& recipe) {
    if (at_ == alternatives_.size()) return false;
    std::string_view text = alternatives_[at_];
    recipe.space_before_others = eat(text, " ?");
    if (eat(text, R"([^\s\p{L}\p{N}])")) {
      recipe.others = ~(kSpaces | kLetters | kNumbers);
    } else if (eat(text, R"([^\s\p{L}\p{M}\p{N}])")) {
      recipe.others = ~(kSpaces | kLetters | kMarks | kNumbers);
    } else {
      return false;
    }
    if (!eat(text, "++") && !eat(text, "+")) return false;
    if (eat(text, R"([\r\n]*)")) {
      recipe.after_others = "\r\n";
    } else if (eat(text, R"([\r\n/]*)")) {
      recipe.after_others = "\r\n/";
    }
    if (!text.empty() && text != "+") return false;
    ++at_;
    return true;
  }

  bool read_spaces(Recipe& recipe) {
    recipe.trailing_first = take(R"(\s++$)");
    recipe.newline_runs = take_any({R"(\s*[\r\n]+)", R"(\s*[\r\n])"});
    if (take(R"(\s+(?!\S))")) {
      recipe.white_space = take_any({R"(\s+)", R"(\s)"});
      return recipe.white_space;
    }
    return !recipe.trailing_first && !recipe.newline_runs;
  }

  std::vector<std::string_view> alternatives_;
  std::size_t at_ = 0;
};

}  // namespace

std::shared_ptr<const Regex> find_word_scanner(std::string_view pattern) {
  Recipe recipe;
  if (!RecipeReader(split_alternatives(pattern)).read(recipe)) return nullptr;
  return std::make_shared<WordScanner>(std::move(recipe));
}

}  // namespace dure
