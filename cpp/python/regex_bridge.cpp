// Lets the core match patterns that it has no scanner for, with the Python package `regex`. It is imported when the first
// such pattern occurs.
#include <nanobind/nanobind.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "binding.h"
#include "dure/regex.h"
#include "dure/unicode_classes.h"
#include "regex_graphemes.h"
#include "regex_translation.h"

namespace nb = nanobind;

namespace dure::python {
namespace {

// What Python raised, as the core's kind of error.
[[noreturn]] void rethrow(nb::python_error& error) { throw std::invalid_argument(nb::str(error.value()).c_str()); }

// The engine's Unicode data may be newer than the original's: a character that the original takes for unassigned, but
// the engine doesn't, is shown to it as one that never will be assigned.
char32_t as_original_sees(char32_t code, const nb::object& match_assigned) {
  const CharKind kind = char_kind(code);
  const bool is_private = (code >= 0xE000 && code < 0xF900) || code >= 0xF0000;
  if ((kind != CharKind::kUnassigned && kind != CharKind::kNewNumber) || is_private) return code;
  const nb::object text = nb::steal(PyUnicode_FromOrdinal(static_cast<int>(code)));
  if (!text.is_valid()) throw nb::python_error();
  if (match_assigned(text).is_none()) return code;
  if (is_reserved_pictograph(code)) return kReservedPictograph;
  return code < 0x10000 ? 0xFDD0 : 0x1FFFE;
}

// A text as a Python string, and the way back from its characters to bytes.
class PythonText {
 public:
  PythonText(std::string_view text, const nb::object& match_assigned) {
    std::vector<char32_t> codes;
    codes.reserve(text.size());
    begins_.reserve(text.size() + 1);
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at < end;) {
      std::uint32_t size_bytes = 0;
      begins_.push_back(static_cast<std::uint32_t>(at - text.data()));
      codes.push_back(as_original_sees(decode_char(at, end, size_bytes), match_assigned));
      at += size_bytes;
    }
    begins_.push_back(static_cast<std::uint32_t>(text.size()));
    const auto size = static_cast<Py_ssize_t>(codes.size());
    string_ = nb::steal(PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, codes.data(), size));
    if (!string_.is_valid()) throw nb::python_error();
  }

  const nb::object& string() const { return string_; }
  std::size_t size_chars() const { return begins_.size() - 1; }
  Range bytes(std::size_t begin_chars, std::size_t end_chars) const {
    return {begins_[begin_chars], begins_[end_chars]};
  }

 private:
  std::vector<std::uint32_t> begins_;
  nb::object string_;
};

class PythonRegex final : public Regex {
 public:
  PythonRegex(const nb::object& compiled, const nb::object& assigned)
      : finditer_(compiled.attr("finditer")),
        search_(compiled.attr("search")),
        match_assigned_(assigned.attr("match")) {}
  PythonRegex(const PythonRegex&) = delete;
  PythonRegex& operator=(const PythonRegex&) = delete;

  ~PythonRegex() override {
    if (!Py_IsInitialized()) {
      // The interpreter is gone, and its objects with it.
      finditer_.release();
      search_.release();
      match_assigned_.release();
      return;
    }
    const nb::gil_scoped_acquire gil;
    finditer_.reset();
    search_.reset();
    match_assigned_.reset();
  }

  void find_all(std::string_view text, std::vector<Range>& matches) const override {
    if (text.empty()) return;
    const nb::gil_scoped_acquire gil;
    try {
      find_with_gil(PythonText(text, match_assigned_), matches);
    } catch (nb::python_error& error) {
      rethrow(error);
    }
  }

 private:
  struct Position {
    std::size_t begin_chars;
    std::size_t end_chars;
  };

  static Position position(nb::handle match) {
    const nb::object span = match.attr("span")();
    return {nb::cast<std::size_t>(span[0]), nb::cast<std::size_t>(span[1])};
  }

  void find_with_gil(const PythonText& text, std::vector<Range>& matches) const {
    std::size_t last_end_chars = 0;
    for (const nb::handle match : nb::iter(finditer_(text.string()))) {
      const Position found = position(match);
      if (found.begin_chars == found.end_chars) return find_empty_too(text, last_end_chars, matches);
      matches.push_back(text.bytes(found.begin_chars, found.end_chars));
      last_end_chars = found.end_chars;
    }
  }

  // The original goes on in another way than `finditer` after an empty match: it searches from the same place again,
  // and skips a character if all it finds is an empty match at the end of the last one.
  void find_empty_too(const PythonText& text, std::size_t from_chars, std::vector<Range>& matches) const {
    bool has_last = !matches.empty();
    std::size_t last_end_chars = from_chars;
    while (from_chars <= text.size_chars()) {
      const nb::object match = search_(text.string(), from_chars);
      if (match.is_none()) return;
      const Position found = position(match);
      if (found.begin_chars == found.end_chars && has_last && found.end_chars == last_end_chars) {
        ++from_chars;
        continue;
      }
      matches.push_back(text.bytes(found.begin_chars, found.end_chars));
      from_chars = last_end_chars = found.end_chars;
      has_last = true;
    }
  }

  nb::object finditer_;
  nb::object search_;
  nb::object match_assigned_;
};

nb::module_ import_regex() {
  try {
    return nb::module_::import_("regex");
  } catch (nb::python_error& error) {
    if (!error.matches(PyExc_ModuleNotFoundError)) rethrow(error);
    throw std::invalid_argument("it is none of the built-in patterns, and the package that would match it is missing; "
                                "install it with `pip install regex`");
  }
}

std::shared_ptr<const Regex> compile_regex(const std::string& pattern) {
  const std::string translated = translate_regex(pattern);
  const nb::gil_scoped_acquire gil;
  const nb::module_ regex = import_regex();
  try {
    const nb::object compiled = regex.attr("compile")(translated.c_str(), regex.attr("VERSION1"));
    return std::make_shared<PythonRegex>(compiled, regex.attr("compile")("\\P{Cn}"));
  } catch (nb::python_error& error) {
    rethrow(error);
  }
}

}  // namespace

void install_regex() { set_regex_compiler(compile_regex); }

}  // namespace dure::python
