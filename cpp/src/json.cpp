#include "dure/json.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "dure/utf8.h"

namespace dure {
namespace {

constexpr int kMaxDepth = 128;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Json document() {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
    Json value = read(0);
    skip_space();
    if (at_ != text_.size()) fail("unexpected text after the end of the document");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw JsonError("not valid JSON at byte " + std::to_string(at_) + ": " + what);
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }

  char peek() {
    skip_space();
    if (at_ >= text_.size()) fail("the document ends too early");
    return text_[at_];
  }

  void expect(char wanted) {
    if (peek() != wanted) fail(std::string("expected '") + wanted + "'");
    ++at_;
  }

  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  Json read(int depth) {
    if (depth > kMaxDepth) fail("nested more than 128 deep");
    Json value;
    switch (peek()) {
      case '{':
        read_object(value, depth);
        break;
      case '[':
        read_array(value, depth);
        break;
      case '"':
        value.type = Json::Type::kString;
        value.string = read_string();
        break;
      case 't':
        word("true");
        value = json_bool(true);
        break;
      case 'f':
        word("false");
        value = json_bool(false);
        break;
      case 'n':
        word("null");
        break;
      default:
        read_number(value);
    }
    return value;
  }

  void word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) fail("expected " + std::string(expected));
    at_ += expected.size();
  }

  void read_object(Json& value, int depth) {
    value.type = Json::Type::kObject;
    ++at_;
    if (take('}')) return;
    do {
      if (peek() != '"') fail("expected a key in quotes");
      std::string key = read_string();
      expect(':');
      value.members.emplace_back(std::move(key), read(depth + 1));
    } while (take(','));
    expect('}');
  }

  void read_array(Json& value, int depth) {
    value.type = Json::Type::kArray;
    ++at_;
    if (take(']')) return;
    do {
      value.items.push_back(read(depth + 1));
    } while (take(','));
    expect(']');
  }

  char32_t hex4() {
    if (at_ + 4 > text_.size()) fail("an escape ends too early");
    unsigned value = 0;
    const char* end = text_.data() + at_ + 4;
    if (std::from_chars(text_.data() + at_, end, value, 16).ptr != end) fail("expected four hexadecimal digits");
    at_ += 4;
    return value;
  }

  void read_escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (at_ >= text_.size()) fail("a string ends too early");
    const char name = text_[at_++];
    if (name != 'u') {
      const std::size_t found = kNames.find(name);
      if (found == std::string_view::npos) fail("unknown escape");
      out.push_back(kValues[found]);
      return;
    }
    char32_t code = hex4();
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const char32_t low = hex4();
      if (low < 0xDC00 || low > 0xDFFF) fail("a surrogate without its other half");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xD800 && code <= 0xDFFF) {
      fail("a surrogate without its other half");
    }
    append_utf8(code, out);
  }

  std::string read_string() {
    std::string out;
    ++at_;
    for (;;) {
      const std::size_t stop = text_.find_first_of("\"\\", at_);
      if (stop == std::string_view::npos) fail("a string isn't closed");
      out.append(text_.substr(at_, stop - at_));
      at_ = stop + 1;
      if (text_[stop] == '"') return out;
      read_escape(out);
    }
  }

  void read_number(Json& value) {
    const std::size_t end = std::min(text_.find_first_not_of("+-0123456789.eE", at_), text_.size());
    const std::string_view digits = text_.substr(at_, end - at_);
    if (digits.empty()) fail("expected a value");
    const char* last = digits.data() + digits.size();
    value.type = Json::Type::kInteger;
    if (const auto done = std::from_chars(digits.data(), last, value.integer); done.ec != std::errc{} || done.ptr != last) {
      value.type = Json::Type::kReal;
      if (std::from_chars(digits.data(), last, value.real).ptr != last) fail("a malformed number");
    }
    at_ = end;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void write_string(const std::string& text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20) {
      out += "\\u00";
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

void write_real(double value, std::string& out) {
  char buffer[32];
  const auto done = std::to_chars(buffer, buffer + sizeof(buffer), value);
  const std::string_view digits(buffer, static_cast<std::size_t>(done.ptr - buffer));
  out += digits;
  if (digits.find_first_of(".en") == std::string_view::npos) out += ".0";
}

void new_line(int depth, std::string& out) {
  out.push_back('\n');
  out.append(static_cast<std::size_t>(depth) * 2, ' ');
}

void write(const Json& value, int depth, std::string& out) {
  switch (value.type) {
    case Json::Type::kNull:
      out += "null";
      return;
    case Json::Type::kBool:
      out += value.boolean ? "true" : "false";
      return;
    case Json::Type::kInteger:
      out += std::to_string(value.integer);
      return;
    case Json::Type::kReal:
      write_real(value.real, out);
      return;
    case Json::Type::kString:
      write_string(value.string, out);
      return;
    default:
      break;
  }
  const bool is_array = value.type == Json::Type::kArray;
  const std::size_t count = is_array ? value.items.size() : value.members.size();
  out.push_back(is_array ? '[' : '{');
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out.push_back(',');
    new_line(depth + 1, out);
    if (!is_array) {
      write_string(value.members[i].first, out);
      out += ": ";
    }
    write(is_array ? value.items[i] : value.members[i].second, depth + 1, out);
  }
  if (count > 0) new_line(depth, out);
  out.push_back(is_array ? ']' : '}');
}

void check(const Json& value, std::string_view key, Json::Type type, const char* name) {
  if (value.type != type) throw JsonError("'" + std::string(key) + "' must be " + name);
}

}  // namespace

const Json* Json::find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name == key) return &value;
  }
  return nullptr;
}

const Json& Json::at(std::string_view key) const {
  const Json* found = find(key);
  if (found == nullptr) throw JsonError("'" + std::string(key) + "' is missing");
  return *found;
}

const std::string& Json::text(std::string_view key) const {
  const Json& value = at(key);
  check(value, key, Type::kString, "a string");
  return value.string;
}

std::string Json::text_or(std::string_view key, std::string fallback) const {
  const Json* found = find(key);
  return found == nullptr || found->is_null() ? std::move(fallback) : text(key);
}

bool Json::flag_or(std::string_view key, bool fallback) const {
  const Json* found = find(key);
  if (found == nullptr || found->is_null()) return fallback;
  check(*found, key, Type::kBool, "true or false");
  return found->boolean;
}

std::int64_t Json::number(std::string_view key) const {
  const Json& value = at(key);
  check(value, key, Type::kInteger, "an integer");
  return value.integer;
}

std::int64_t Json::number_or(std::string_view key, std::int64_t fallback) const {
  const Json* found = find(key);
  return found == nullptr || found->is_null() ? fallback : number(key);
}

const std::vector<Json>& Json::array(std::string_view key) const {
  const Json& value = at(key);
  check(value, key, Type::kArray, "a list");
  return value.items;
}

Json parse_json(std::string_view text) { return Reader(text).document(); }

std::string dump_json(const Json& value) {
  std::string out;
  write(value, 0, out);
  return out;
}

Json json_string(std::string text) {
  Json value;
  value.type = Json::Type::kString;
  value.string = std::move(text);
  return value;
}

Json json_bool(bool flag) {
  Json value;
  value.type = Json::Type::kBool;
  value.boolean = flag;
  return value;
}

Json json_integer(std::int64_t number) {
  Json value;
  value.type = Json::Type::kInteger;
  value.integer = number;
  return value;
}

}  // namespace dure
