// Regular expressions of tokenizer.json. The well-known ones are hand-written scanners (scanner.h); any other goes to
// an engine that the program around the core provides, because the core has none of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dure/json.h"
#include "dure/text.h"

namespace dure {

// What lies at one side of a cut (see Regex::is_local): the edge of a match, text that no match covers, or now this,
// now that.
enum class CutSide : unsigned char { kUnknown, kMatch, kGap };
struct CutSides {
  CutSide before = CutSide::kUnknown;
  CutSide after = CutSide::kUnknown;
};

class Regex {
 public:
  virtual ~Regex() = default;
  // Appends all matches, leftmost first, without overlaps, as ranges of bytes. Safe to call from any thread. A match
  // may be empty, but not right after another match; an empty text has none.
  virtual void find_all(std::string_view text, std::vector<Range>& matches) const = 0;
  // True when cutting a text before a space (U+0020) that follows a letter, a digit or ASCII punctuation, and matching
  // the pieces one by one, finds the same matches, and no match spans such a cut. (All of ours allow for any character
  // before the space that isn't white space.)
  virtual bool is_local() const { return false; }
  // True when each match is one character, whatever stands around it: then a text may be cut anywhere.
  virtual bool is_charwise() const { return false; }
  // What is known of the sides of every such cut, if the regex is local.
  virtual CutSides sides_of_cut() const { return {}; }
};

// Compiles what no scanner knows. Throws std::invalid_argument with the engine's own message.
using RegexCompiler = std::function<std::shared_ptr<const Regex>(const std::string& pattern)>;
void set_regex_compiler(RegexCompiler compiler);

// A scanner where the pattern is a well-known one, a matcher of plain text for `{"String": ...}`, else the provided
// engine. Throws JsonError when there's none or the pattern is broken. `json` is {"Regex": "..."} or {"String": "..."}.
std::shared_ptr<const Regex> pattern_from_json(const Json& json);
std::shared_ptr<const Regex> make_regex(const std::string& pattern);
std::shared_ptr<const Regex> make_literal(const std::string& text);

// The hand-written scanner of a well-known pattern; null where there is none (scanner.cpp).
std::shared_ptr<const Regex> find_scanner(const std::string& pattern);

}  // namespace dure
