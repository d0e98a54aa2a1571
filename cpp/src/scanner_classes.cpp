// Patterns whose alternatives are a few character classes in a row. The reader takes only those that never need to give
// back what a greedy run took, but for an optional first class; so a failed try costs a bounded number of steps, and
// the time is linear. White space that looks at its end has alternatives of its own.
#include <array>
#include <limits>

#include "dure/char_class.h"
#include "dure/scanner.h"

namespace dure {
namespace {

constexpr std::uint32_t kNoLimit = std::numeric_limits<std::uint32_t>::max();

struct Atom {
  CharClass chars;
  std::uint32_t min = 1;
  std::uint32_t max = 1;
  bool is_possessive = false;
};

struct Alternative {
  enum class Type {
    kAtoms,
    kNewlineRun,     // `\s*[\r\n]+`
    kTrailing,       // `\s+(?!\S)`
    kBeforeLineEnd,  // `\s+$`, where $ is the end of the text or before \n
    kAtTextEnd,      // `\s++$`
  };
  Type type = Type::kAtoms;
  std::vector<Atom> atoms;

  bool can_give_back_first() const {
    return atoms.size() > 1 && atoms[0].min == 0 && atoms[0].max == 1 && !atoms[0].is_possessive;
  }
};

// The run of white space around a position, kept so that it's walked once and not from each of its characters.
class SpaceRun {
 public:
  // Moves to the run that `at` is in; false where there's none.
  bool move_to(const char* at, const char* end) {
    if (stop_ == nullptr || at >= stop_) {
      stop_ = skip_kinds(at, end, kSpaces);
      after_newline_ = after_last_newline(at, stop_);
      const std::size_t line_feed = std::string_view(at, static_cast<std::size_t>(stop_ - at)).rfind('\n');
      last_line_feed_ = line_feed == std::string_view::npos ? nullptr : at + line_feed;
    }
    return at < stop_;
  }

  const char* stop() const { return stop_; }
  // The end of the last \r or \n; null for none after `at`.
  const char* newline_end(const char* at) const { return after_newline_ > at ? after_newline_ : nullptr; }
  // Where `\s+$` matches up to.
  const char* line_end(const char* at, const char* end) const {
    if (stop_ == end) return end;
    return last_line_feed_ > at ? last_line_feed_ : nullptr;
  }

 private:
  const char* stop_ = nullptr;
  const char* after_newline_ = nullptr;
  const char* last_line_feed_ = nullptr;
};

const char* match_run(const char* at, const char* end, const Atom& atom) {
  std::uint32_t count = 0;
  while (count < atom.max && at < end) {
    std::uint32_t size_bytes = 0;
    if (!atom.chars.contains(at, end, size_bytes)) break;
    at += size_bytes;
    ++count;
  }
  return count >= atom.min ? at : nullptr;
}

const char* match_atoms(const char* at, const char* end, const Alternative& alternative) {
  const std::size_t num_tries = alternative.can_give_back_first() ? 2 : 1;
  for (std::size_t skipped = 0; skipped < num_tries; ++skipped) {
    const char* stop = at;
    for (std::size_t i = skipped; i < alternative.atoms.size() && stop != nullptr; ++i) {
      stop = match_run(stop, end, alternative.atoms[i]);
    }
    if (stop != nullptr && stop != at) return stop;
  }
  return nullptr;
}

const char* match_alternative(const char* at, const char* end, const Alternative& alternative, SpaceRun& run) {
  if (alternative.type == Alternative::Type::kAtoms) return match_atoms(at, end, alternative);
  if (!run.move_to(at, end)) return nullptr;
  switch (alternative.type) {
    case Alternative::Type::kNewlineRun: return run.newline_end(at);
    case Alternative::Type::kTrailing: return before_last_space(at, run.stop(), end);
    case Alternative::Type::kBeforeLineEnd: return run.line_end(at, end);
    default: return run.stop() == end ? end : nullptr;
  }
}

// The characters at which some alternative always matches.
struct Coverage {
  std::array<bool, 128> ascii{};
  Kinds beyond_ascii = 0;

  void add(const CharClass& chars) {
    for (unsigned char byte = 0; byte < 128; ++byte) ascii[byte] |= chars.contains_ascii(byte);
    for (unsigned kind = 0; kind < 32; ++kind) {
      if (chars.covers(Kinds{1} << kind)) beyond_ascii |= Kinds{1} << kind;
    }
  }

  bool has_all_but_spaces() const {
    for (unsigned char byte = 0; byte < 128; ++byte) {
      if ((kAsciiKinds[byte] & kSpaces) == 0 && !ascii[byte]) return false;
    }
    return (beyond_ascii | kSpaces) == kAllKinds;
  }
};

class ClassScanner final : public Regex {
 public:
  explicit ClassScanner(std::vector<Alternative> alternatives) : alternatives_(std::move(alternatives)) {
    study_cuts();
  }

  void find_all(std::string_view text, std::vector<Range>& matches) const override {
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    SpaceRun run;
    for (const char* at = begin; at < end;) {
      const char* const stop = match(at, end, run);
      if (stop == nullptr) {
        at += glance(at, end).size_bytes;
        continue;
      }
      matches.push_back({static_cast<std::uint32_t>(at - begin), static_cast<std::uint32_t>(stop - begin)});
      at = stop;
    }
  }

  bool is_local() const override { return is_local_; }
  CutSides sides_of_cut() const override { return sides_; }

 private:
  const char* match(const char* at, const char* end, SpaceRun& run) const {
    for (const Alternative& alternative : alternatives_) {
      if (const char* stop = match_alternative(at, end, alternative, run)) return stop;
    }
    return nullptr;
  }

  // See Regex::is_local: can a match reach over a space from a character that isn't white space? And what of the sides?
  void study_cuts() {
    Coverage covered;
    bool has_space = false;
    bool has_others = false;
    for (const Alternative& alternative : alternatives_) {
      has_space |= alternative.type != Alternative::Type::kAtoms;
      bool others_before = false;
      for (const Atom& atom : alternative.atoms) {
        const bool takes_others = atom.chars.has_other_than_space();
        if (atom.chars.contains_ascii(' ')) {
          has_space = true;
          if (others_before || (takes_others && atom.max > 1)) is_local_ = false;
        }
        others_before |= takes_others;
      }
      has_others |= others_before;
      add_covered(alternative, covered);
    }
    if (covered.has_all_but_spaces()) sides_.before = CutSide::kMatch;
    if (!has_others) sides_.before = CutSide::kGap;
    if (covered.ascii[' ']) sides_.after = CutSide::kMatch;
    if (!has_space) sides_.after = CutSide::kGap;
  }

  static void add_covered(const Alternative& alternative, Coverage& covered) {
    if (alternative.atoms.empty()) return;
    const std::size_t needed = alternative.can_give_back_first() ? 1 : 0;
    for (std::size_t i = needed; i < alternative.atoms.size(); ++i) {
      if (alternative.atoms[i].min != (i == needed ? 1U : 0U)) return;
    }
    covered.add(alternative.atoms[needed].chars);
  }

  std::vector<Alternative> alternatives_;
  bool is_local_ = true;
  CutSides sides_;
};

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Digits of an interval; false for none or for more than a sane pattern has.
bool take_count(std::string_view& text, std::uint32_t& count) {
  constexpr std::size_t kMaxDigits = 4;
  std::size_t size = 0;
  count = 0;
  while (size < text.size() && text[size] >= '0' && text[size] <= '9' && size <= kMaxDigits) {
    count = count * 10 + static_cast<std::uint32_t>(text[size] - '0');
    ++size;
  }
  text.remove_prefix(size);
  return size > 0 && size <= kMaxDigits;
}

// `{3}`, `{1,3}`, `{2,}` after the opening brace.
bool read_interval(std::string_view& text, Atom& atom) {
  if (!take_count(text, atom.min)) return false;
  atom.max = atom.min;
  if (take(text, ",")) {
    atom.max = kNoLimit;
    if (!text.starts_with("}") && !take_count(text, atom.max)) return false;
  }
  return take(text, "}") && atom.max >= atom.min && atom.max > 0 && !text.starts_with("?") && !text.starts_with("+");
}

bool read_quantifier(std::string_view& text, Atom& atom) {
  if (take(text, "{")) return read_interval(text, atom);
  if (take(text, "?")) {
    atom.min = 0;
  } else if (take(text, "*")) {
    atom.min = 0;
    atom.max = kNoLimit;
  } else if (take(text, "+")) {
    atom.max = kNoLimit;
  } else {
    return true;
  }
  atom.is_possessive = take(text, "+");
  return !text.starts_with("?");
}

// True when a greedy run is never made to give back: only fixed counts before the last class that must match, but for
// an optional first one; what follows a run without a limit may be missing.
bool needs_no_backtracking(const std::vector<Atom>& atoms) {
  bool has_needed = false;
  for (std::size_t i = atoms.size(); i-- > 0;) {
    const Atom& atom = atoms[i];
    const bool is_optional_first = i == 0 && atom.min == 0 && atom.max == 1;
    if (has_needed && atom.min != atom.max && !is_optional_first) return false;
    has_needed |= atom.min > 0;
  }
  return has_needed;
}

bool read_alternative(std::string_view text, Alternative& alternative) {
  using Type = Alternative::Type;
  if (text == R"(\s*[\r\n]+)" || text == R"(\s*[\r\n])") {
    alternative.type = Type::kNewlineRun;
  } else if (text == R"(\s+(?!\S))") {
    alternative.type = Type::kTrailing;
  } else if (text == R"(\s+$)") {
    alternative.type = Type::kBeforeLineEnd;
  } else if (text == R"(\s++$)") {
    alternative.type = Type::kAtTextEnd;
  } else {
    while (!text.empty()) {
      Atom& atom = alternative.atoms.emplace_back();
      if (!read_char_class(text, atom.chars) || !read_quantifier(text, atom)) return false;
    }
    return needs_no_backtracking(alternative.atoms);
  }
  return true;
}

}  // namespace

std::shared_ptr<const Regex> find_class_scanner(std::string_view pattern) {
  std::vector<Alternative> alternatives;
  for (const std::string_view text : split_alternatives(pattern)) {
    if (text.empty() || !read_alternative(text, alternatives.emplace_back())) return nullptr;
  }
  return std::make_shared<ClassScanner>(std::move(alternatives));
}

}  // namespace dure
