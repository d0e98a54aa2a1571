#include "dure/regex.h"

#include <mutex>

namespace dure {
namespace {

std::mutex& compiler_mutex() {
  static std::mutex mutex;
  return mutex;
}

RegexCompiler& stored_compiler() {
  static RegexCompiler compiler;
  return compiler;
}

bool is_white_byte(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

std::uint32_t to_bytes(std::size_t position) { return static_cast<std::uint32_t>(position); }

// A literal text. The empty one matches between all characters, as the original's does.
class Literal final : public Regex {
 public:
  explicit Literal(std::string text) : text_(std::move(text)) {
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] != ' ') continue;
      has_space_ = true;
      if (i > 0 && !is_white_byte(text_[i - 1])) spans_cuts_ = true;
    }
  }

  void find_all(std::string_view text, std::vector<Range>& matches) const override {
    if (text_.empty()) return find_empty(text, matches);
    for (std::size_t at = text.find(text_); at != std::string_view::npos; at = text.find(text_, at + text_.size())) {
      matches.push_back({to_bytes(at), to_bytes(at + text_.size())});
    }
  }

  bool is_local() const override { return !spans_cuts_ && !text_.empty(); }

  CutSides sides_of_cut() const override {
    if (text_ == " ") return {CutSide::kGap, CutSide::kMatch};
    return {CutSide::kUnknown, has_space_ ? CutSide::kUnknown : CutSide::kGap};
  }

 private:
  static void find_empty(std::string_view text, std::vector<Range>& matches) {
    if (text.empty()) return;
    for (std::size_t at = 0; at <= text.size(); ++at) {
      const bool is_inside = at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80;
      if (!is_inside) matches.push_back({to_bytes(at), to_bytes(at)});
    }
  }

  std::string text_;
  bool has_space_ = false;
  bool spans_cuts_ = false;
};

}  // namespace

void set_regex_compiler(RegexCompiler compiler) {
  const std::lock_guard<std::mutex> lock(compiler_mutex());
  stored_compiler() = std::move(compiler);
}

std::shared_ptr<const Regex> make_literal(const std::string& text) { return std::make_shared<Literal>(text); }

std::shared_ptr<const Regex> make_regex(const std::string& pattern) {
  if (auto scanner = find_scanner(pattern)) return scanner;
  RegexCompiler compiler;
  {
    const std::lock_guard<std::mutex> lock(compiler_mutex());
    compiler = stored_compiler();
  }
  if (!compiler) {
    throw JsonError("the regex '" + pattern + "' is none of the built-in ones, and no regex engine was provided");
  }
  try {
    return compiler(pattern);
  } catch (const JsonError&) {
    throw;
  } catch (const std::invalid_argument& error) {
    throw JsonError("the regex '" + pattern + "' can't be used: " + error.what());
  }
}

std::shared_ptr<const Regex> pattern_from_json(const Json& json) {
  if (const Json* literal = json.find("String"); literal != nullptr && literal->type == Json::Type::kString) {
    return make_literal(literal->string);
  }
  if (const Json* regex = json.find("Regex"); regex != nullptr && regex->type == Json::Type::kString) {
    return make_regex(regex->string);
  }
  throw JsonError("a pattern must be {\"String\": \"...\"} or {\"Regex\": \"...\"}");
}

}  // namespace dure
