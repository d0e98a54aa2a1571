// What differs: `^` and `$` are about lines; (?m) lets the dot match \n; \h is a hexadecimal digit; \z and \Z; a plus
// after {1,3} repeats once more; (?i) holds for all alternatives after it; classes of characters are spelled out,
// because the two engines don't agree about all of \w and \s.
#include "regex_translation.h"

#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <utility>
#include <vector>

#include "dure/unicode_classes.h"
#include "regex_graphemes.h"

namespace dure::python {
namespace {

// Members of sets.
const char* const kSpaceMembers = R"(\t-\r \x85\p{Z})";
const char* const kWordMembers =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u24B6-\u24E9\U0001F130-\U0001F149\U0001F150-\U0001F169\U0001F170-\U0001F189)";
const char* const kLatinNumbers = R"(\xB2\xB3\xB9\xBC-\xBE)";

std::string escape(char32_t code) {
  char text[16];
  std::snprintf(text, sizeof text, "\\U%08X", static_cast<unsigned>(code));
  return text;
}

std::string set_of(const std::string& members, bool is_negated) { return (is_negated ? "[^" : "[") + members + "]"; }

std::string without_zeros(const std::string& digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return first == std::string::npos ? std::string() : digits.substr(first);
}

// The name of a property or POSIX class without case, spaces, hyphens and underscores.
std::string simplify(std::string_view name) {
  std::string simple;
  for (const char byte : name) {
    if (byte == ' ' || byte == '-' || byte == '_') continue;
    simple.push_back(byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte);
  }
  return simple;
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : rest_(pattern) {}

  std::string run() {
    // Folding of a character to several is off: with it, the engine's search misses what is written as in the pattern.
    out_ = "(?-f:";
    while (!rest_.empty()) step();
    if (!groups_.empty()) fail("a parenthesis is not closed");
    close_options();
    return std::move(out_ += ')');
  }

 private:
  struct Group {
    std::size_t begin;        // where its text begins in the output
    std::size_t num_options;  // how many option groups are open outside of it
  };

  [[noreturn]] static void fail(const std::string& what) { throw std::invalid_argument(what); }
  [[noreturn]] static void refuse(std::string_view what, const std::string& name = {}) {
    const std::string named = name.empty() ? "" : " (" + name + ")";
    fail("'" + std::string(what) + "'" + named + " is not supported; only the original's engine has it");
  }

  bool take(std::string_view prefix) {
    if (!rest_.starts_with(prefix)) return false;
    rest_.remove_prefix(prefix.size());
    return true;
  }

  char32_t take_char() {
    if (rest_.empty()) fail("the pattern ends within an escape or a set");
    std::uint32_t size_bytes = 0;
    const char32_t code = decode_char(rest_.data(), rest_.data() + rest_.size(), size_bytes);
    rest_.remove_prefix(size_bytes);
    return code;
  }

  void emit_atom(const std::string& atom) {
    atom_begin_ = out_.size();
    out_ += atom;
  }

  void step() {
    if (is_verbose_ && skip_verbose()) return;
    const char32_t code = take_char();
    switch (code) {
      case '\\': return emit_atom(escape_outside());
      case '[': return emit_atom(set(0));
      case '(': return open_group();
      case ')': return close_group();
      case '|':
        out_ += '|';
        atom_begin_ = std::string::npos;
        return;
      case '.': return emit_atom(".");
      case '^': return emit_atom(R"((?:\A|(?<=\n)(?!\Z)))");
      case '$': return emit_atom(R"((?=\n|\Z))");
      case '?': return quantify("?");
      case '*': return quantify("*");
      case '+': return quantify("+");
      case '{': return interval();
      default: return emit_atom(escape(code));
    }
  }

  // White space and comments under (?x).
  bool skip_verbose() {
    if (take(" ") || take("\n") || take("\t") || take("\r") || take("\f") || take("\v")) return true;
    if (!take("#")) return false;
    while (!rest_.empty() && rest_.front() != '\n') rest_.remove_prefix(1);
    return true;
  }

  void require_atom() const {
    if (atom_begin_ == std::string::npos) fail("a quantifier has nothing to repeat");
  }

  void wrap_atom() {
    out_.insert(atom_begin_, "(?:");
    out_ += ')';
  }

  void quantify(const std::string& quantifier) {
    require_atom();
    if (quantified_end_ == out_.size()) wrap_atom();
    out_ += quantifier;
    if (take("?")) {
      out_ += '?';
    } else if (take("+")) {
      out_ += '+';
    }
    quantified_end_ = out_.size();
  }

  // `{2}`, `{1,3}`, `{2,}`, `{,3}`; `{3,1}` is `{1,3}` that gives nothing back; any other brace is a plain character.
  void interval() {
    const std::size_t size = rest_.find('}');
    const std::string_view inner = rest_.substr(0, size);
    const std::size_t comma = inner.find(',');
    const std::string first(inner.substr(0, comma));
    const std::string second(comma == std::string_view::npos ? std::string_view() : inner.substr(comma + 1));
    const bool is_number = (first + second).find_first_not_of("0123456789") == std::string::npos;
    if (size == std::string_view::npos || !is_number || (first.empty() && second.empty())) {
      return emit_atom(escape('{'));
    }
    rest_.remove_prefix(size + 1);
    require_atom();
    if (quantified_end_ == out_.size()) wrap_atom();
    const bool is_fixed = comma == std::string_view::npos;
    const auto is_less = [](const std::string& a, const std::string& b) { return std::pair(a.size(), a) < std::pair(b.size(), b); };
    if (!first.empty() && !second.empty() && is_less(without_zeros(second), without_zeros(first))) {
      out_ += '{' + second + ',' + first + "}+";
    } else {
      out_ += '{' + (first.empty() ? "0" : first) + (is_fixed ? "" : "," + second) + '}';
      if (!is_fixed && take("?")) out_ += '?';
    }
    quantified_end_ = out_.size();
  }

  void open_group() {
    atom_begin_ = std::string::npos;
    if (take("?#")) {
      const std::size_t size = rest_.find(')');
      if (size == std::string_view::npos) fail("a comment is not closed");
      rest_.remove_prefix(size + 1);
      return;
    }
    if (!take("?")) return push_group("(");
    for (const char* kind : {":", "=", "!", ">", "<=", "<!"}) {
      if (take(kind)) return push_group(std::string("(?") + kind);
    }
    if (rest_.starts_with("~")) refuse("(?~...)", "the absent operator");
    if (take("<")) {
      const std::size_t size = rest_.find('>');
      if (size == std::string_view::npos) fail("the name of a group is not closed");
      const std::string name(rest_.substr(0, size));
      rest_.remove_prefix(size + 1);
      return push_group("(?P<" + name + ">");
    }
    open_options();
  }

  void push_group(const std::string& text) {
    groups_.push_back({out_.size(), num_options_});
    verbose_.push_back(is_verbose_);
    num_options_ = 0;
    out_ += text;
  }

  // `(?i)`, which holds to the end of the group around it, and `(?i:...)`.
  void open_options() {
    const std::size_t size = rest_.find_first_of(":)");
    if (size == std::string_view::npos) fail("a group's options are not closed");
    const std::string_view options = rest_.substr(0, size);
    const bool is_isolated = rest_[size] == ')';
    rest_.remove_prefix(size + 1);
    std::string text = "(?";
    bool is_on = true;
    bool is_verbose = is_verbose_;
    for (const char option : options) {
      if (option == 'i' || option == '-') {
        text += option;
      } else if (option == 'm') {
        text += 's';
      } else if (option == 'x') {
        is_verbose = is_on;
      } else {
        refuse("(?" + std::string(options));
      }
      is_on &= option != '-';
    }
    if (text.ends_with("-")) text.pop_back();
    if (is_isolated) {
      out_ += text + ":";
      ++num_options_;
    } else {
      push_group(text + ":");
    }
    is_verbose_ = is_verbose;
  }

  void close_options() {
    out_.append(num_options_, ')');
    num_options_ = 0;
  }

  void close_group() {
    if (groups_.empty()) fail("a parenthesis is closed that was not opened");
    close_options();
    out_ += ')';
    atom_begin_ = groups_.back().begin;
    num_options_ = groups_.back().num_options;
    is_verbose_ = verbose_.back();
    groups_.pop_back();
    verbose_.pop_back();
  }

  std::string escape_outside() {
    const std::string word = std::string(kWordMembers) + kLatinNumbers;
    const std::string within = set_of(word, false);
    const char32_t code = take_char();
    switch (code) {
      case 'w': return within;
      case 'W': return set_of(word, true);
      case 'b': return "(?:(?<=" + within + ")(?!" + within + ")|(?<!" + within + ")(?=" + within + "))";
      case 'B': return "(?:(?<=" + within + ")(?=" + within + ")|(?<!" + within + ")(?!" + within + "))";
      case 'A': return R"(\A)";
      case 'z': return R"(\Z)";
      case 'Z': return R"((?=\n?\Z))";
      case 'G': return R"(\G)";
      case 'K': return R"(\K)";
      case 'X': return grapheme_pattern();
      case 'R': return R"((?>\r\n|[\n-\r\x85\u2028\u2029]))";
      case 'N': return R"([^\n])";
      case 'O': return "(?s:.)";
      case 'k': return named_reference();
      case 'g': refuse("\\g" + std::string(rest_.substr(0, rest_.find('>') + 1)), "the call of a group");
      case 'y': refuse("\\y");
      case 'Y': refuse("\\Y");
      default: break;
    }
    if (code >= '1' && code <= '9') return std::string("(?:\\") + static_cast<char>(code) + ")";
    std::string members = escape_members(code, false);
    return members.size() > 1 && members[0] == '\\' && members[1] == 'U' ? members : set_of(members, false);
  }

  std::string named_reference() {
    const std::size_t size = rest_.find('>');
    if (!take("<") || size == std::string_view::npos) fail("\\k must be followed by <name>");
    const std::string name(rest_.substr(0, size - 1));
    rest_.remove_prefix(size);
    const bool is_number = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
    return is_number ? "(?:\\" + name + ")" : "(?P=" + name + ")";
  }

  // An escape as members of a set; a single character always as \UXXXXXXXX.
  std::string escape_members(char32_t code, bool in_set) {
    switch (code) {
      case 'd': return R"(\p{Nd})";
      case 'D': return R"(\P{Nd})";
      case 's': return kSpaceMembers;
      case 'S': return set_of(kSpaceMembers, true);
      case 'w': return kWordMembers;
      case 'W': return set_of(kWordMembers, true);
      case 'h': return "0-9A-Fa-f";
      case 'H': return "[^0-9A-Fa-f]";
      case 'p':
      case 'P': return rest_.starts_with("{") ? property(code == 'P', in_set) : escape(code);
      case 'n': return escape('\n');
      case 'r': return escape('\r');
      case 't': return escape('\t');
      case 'v': return escape('\v');
      case 'f': return escape('\f');
      case 'a': return escape(7);
      case 'e': return escape(27);
      case 'x': return escape(take("{") ? hexadecimal_in_braces() : hexadecimal(2));
      case 'u': return escape(hexadecimal(4));
      case 'c':
      case 'C':
      case 'M': refuse("\\" + std::string(1, static_cast<char>(code)));
      default: break;
    }
    if (code < '0' || code > '7') return escape(code);
    char32_t value = code - '0';
    for (int i = 0; i < 2 && !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '7'; ++i) {
      value = value * 8 + (take_char() - '0');
    }
    return escape(value);
  }

  char32_t hexadecimal(std::size_t num_digits) {
    const std::string digits(rest_.substr(0, num_digits));
    rest_.remove_prefix(digits.size());
    const char32_t code = to_code(digits);
    if (digits.size() < num_digits) fail("a hexadecimal escape is too short");
    if (num_digits == 2 && code >= 0x80) refuse("\\x" + digits);
    return code;
  }

  char32_t hexadecimal_in_braces() {
    const std::size_t size = rest_.find('}');
    if (size == std::string_view::npos) fail("a hexadecimal escape is not closed");
    const std::string digits(rest_.substr(0, size));
    rest_.remove_prefix(size + 1);
    return to_code(digits);
  }

  static char32_t to_code(const std::string& digits) {
    constexpr std::size_t kMaxDigits = 8;
    if (digits.empty() || digits.size() > kMaxDigits ||
        digits.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
      fail("a hexadecimal escape is broken");
    }
    const unsigned long code = std::stoul(digits, nullptr, 16);
    if (code >= 0x110000) fail("a hexadecimal escape is beyond U+10FFFF");
    return static_cast<char32_t>(code);
  }

  // `{L}`, `{^L}`, `{Han}` after \p.
  std::string property(bool is_negated, bool in_set) {
    const std::size_t size = rest_.find('}');
    if (size == std::string_view::npos) fail("the name of a property is not closed");
    std::string_view name = rest_.substr(1, size - 1);
    if (name.starts_with("^")) {
      name.remove_prefix(1);
      is_negated = !is_negated;
    }
    std::string members = class_members(name, false);
    if (!in_set && members == kWordMembers) members += kLatinNumbers;
    rest_.remove_prefix(size + 1);
    return is_negated ? set_of(members, true) : members;
  }

  static std::string class_members(std::string_view name, bool is_posix) {
    const std::string simple = simplify(name);
    if (simple.empty() || simple.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") != std::string::npos) {
      fail("'" + std::string(name) + "' is not the name of a class of characters");
    }
    if (simple == "word") return kWordMembers;
    if (simple == "space") return kSpaceMembers;
    if (simple == "digit") return R"(\p{Nd})";
    if (simple == "punct") return is_posix ? R"(\p{P}\p{S})" : R"(\p{P})";
    if (simple == "xdigit") return "0-9A-Fa-f";
    return "\\p{" + simple + "}";
  }

  // `:alpha:]` after an opening bracket within a set; empty where there is none.
  std::string posix_class() {
    const std::size_t size = rest_.find(":]");
    if (!rest_.starts_with(":") || size == std::string_view::npos || size == 0) return {};
    std::string_view name = rest_.substr(1, size - 1);
    const bool is_negated = name.starts_with("^");
    if (is_negated) name.remove_prefix(1);
    std::string members = class_members(name, true);
    rest_.remove_prefix(size + 2);
    return is_negated ? set_of(members, true) : members;
  }

  // A set after its opening bracket. All characters are written as escapes, so none of them is an operator.
  std::string set(int depth) {
    constexpr int kMaxDepth = 32;
    if (depth > kMaxDepth) fail("sets are nested too deeply");
    std::string text = take("^") ? "[^" : "[";
    if (take("]")) text += escape(']');
    while (!take("]")) {
      if (take("&&")) {
        text += "&&";
      } else if (take("[")) {
        const std::string posix = posix_class();
        text += posix.empty() ? set(depth + 1) : posix;
      } else {
        text += set_member();
      }
    }
    if (text == "[" || text == "[^") fail("a set is empty");
    return text + "]";
  }

  std::string set_character() {
    const char32_t code = take_char();
    if (code != '\\') return escape(code);
    const char32_t escaped = take_char();
    return escaped == 'b' ? escape(8) : escape_members(escaped, true);
  }

  std::string set_member() {
    std::string first = set_character();
    if (!rest_.starts_with("-") || rest_.starts_with("-]") || !first.starts_with("\\U")) return first;
    rest_.remove_prefix(1);
    const std::string last = set_character();
    if (!last.starts_with("\\U") || last < first) fail("a range within a set is broken");
    return first + "-" + last;
  }

  std::string_view rest_;
  std::string out_;
  std::vector<Group> groups_;
  std::vector<bool> verbose_;
  std::size_t num_options_ = 0;                        // open ones of the innermost group
  std::size_t atom_begin_ = std::string::npos;         // what a quantifier would repeat
  std::size_t quantified_end_ = std::string::npos;   // the end of the output after a quantifier
  bool is_verbose_ = false;
};

}  // namespace

std::string translate_regex(std::string_view pattern) { return Translator(pattern).run(); }

}  // namespace dure::python
