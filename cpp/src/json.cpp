// The reader and the writer of JSON. Values are read in place: nothing is moved but when a list grows.
#include "dure/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "dure/utf8.h"

namespace dure {
namespace {

constexpr int kMaxDepth = 128;
constexpr int kMaxPower = 308;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The first byte that isn't part of well-formed UTF-8 (The Unicode Standard, table 3-7); the size where all is well.
std::size_t find_damage(std::string_view text) {
  const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&byte](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t eight = 0;
    if (at + sizeof(eight) <= text.size()) {
      std::memcpy(&eight, text.data() + at, sizeof(eight));
      if ((eight & 0x8080808080808080U) == 0) {
        at += sizeof(eight);
        continue;
      }
    }
    const unsigned lead = byte(at);
    const unsigned second = byte(at + 1);
    std::size_t length = 1;
    bool is_good = lead < 0x80;
    if (lead >= 0xC2 && lead <= 0xDF) {
      length = 2;
      is_good = continues(at + 1);
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      length = 3;
      is_good = continues(at + 1) && continues(at + 2) && !(lead == 0xE0 && second < 0xA0) &&
                !(lead == 0xED && second > 0x9F);
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      length = 4;
      is_good = continues(at + 1) && continues(at + 2) && continues(at + 3) && !(lead == 0xF0 && second < 0x90) &&
                !(lead == 0xF4 && second > 0x8F);
    }
    if (!is_good) return at;
    at += length;
  }
  return text.size();
}

// Powers of ten as literals of a compiler would be: each the nearest double.
const std::array<double, kMaxPower + 1>& powers_of_ten() {
  static const std::array<double, kMaxPower + 1> powers = [] {
    std::array<double, kMaxPower + 1> all{};
    for (int i = 0; i <= kMaxPower; ++i) {
      const std::string digits = "1e" + std::to_string(i);
      std::from_chars(digits.data(), digits.data() + digits.size(), all[static_cast<std::size_t>(i)]);
    }
    return all;
  }();
  return powers;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  Json document() {
    const std::string_view text(begin_, static_cast<std::size_t>(end_ - begin_));
    if (const std::size_t damage = find_damage(text); damage < text.size()) {
      at_ += damage;
      fail("the bytes there are not UTF-8");
    }
    if (text.substr(0, 3) == "\xEF\xBB\xBF") at_ += 3;
    Json value;
    read(value, 0);
    skip_space();
    if (at_ != end_) fail("unexpected text after the end of the document");
    return value;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw JsonError("not valid JSON at byte " + std::to_string(at_ - begin_) + ": " + what);
  }

  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  char peek() {
    skip_space();
    if (at_ == end_) fail("the document ends too early");
    return *at_;
  }

  // The character at hand; NUL at the end, which is no part of any token.
  char here() const { return at_ == end_ ? '\0' : *at_; }

  void expect(char wanted) {
    if (peek() != wanted) fail(std::string("expected '") + wanted + "'");
    ++at_;
  }

  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  void read(Json& value, int depth) {
    if (depth > kMaxDepth) fail("nested more than 128 deep");
    switch (peek()) {
      case '{':
        return read_object(value, depth);
      case '[':
        return read_array(value, depth);
      case '"':
        value.type = Json::Type::kString;
        return read_string(value.string);
      case 't':
      case 'f':
        value.type = Json::Type::kBool;
        value.boolean = *at_ == 't';
        return word(value.boolean ? "true" : "false");
      case 'n':
        return word("null");
      default:
        return read_number(value);
    }
  }

  void word(std::string_view expected) {
    if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, expected.size()) != expected) {
      fail("expected " + std::string(expected));
    }
    at_ += expected.size();
  }

  // Makes room in a long list for as many entries as the rest of the document may have, by the size of those so far:
  // moving them is most of the work otherwise. Limited, lest a few short entries before a long text ask for too much.
  template <typename List>
  void make_room(List& list, const char* begin) const {
    if (list.size() < list.capacity() || list.size() < 512) return;
    const std::size_t size_bytes = static_cast<std::size_t>(at_ - begin) / list.size() + 1;
    const std::size_t num_left = static_cast<std::size_t>(end_ - at_) / size_bytes;
    list.reserve(list.size() + std::clamp(num_left, list.size(), list.size() * 8));
  }

  void read_object(Json& value, int depth) {
    value.type = Json::Type::kObject;
    const char* begin = at_++;
    if (take('}')) return;
    do {
      make_room(value.members, begin);
      if (peek() != '"') fail("expected a key in quotes");
      auto& [key, member] = value.members.emplace_back();
      read_string(key);
      expect(':');
      read(member, depth + 1);
    } while (take(','));
    expect('}');
  }

  void read_array(Json& value, int depth) {
    value.type = Json::Type::kArray;
    const char* begin = at_++;
    if (take(']')) return;
    value.items.reserve(2);  // tokenizer.json is full of pairs
    do {
      make_room(value.items, begin);
      read(value.items.emplace_back(), depth + 1);
    } while (take(','));
    expect(']');
  }

  char32_t hex4() {
    if (end_ - at_ < 4) fail("an escape ends too early");
    unsigned value = 0;
    if (std::from_chars(at_, at_ + 4, value, 16).ptr != at_ + 4) fail("expected four hexadecimal digits");
    at_ += 4;
    return value;
  }

  void read_escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (at_ == end_) fail("a string ends too early");
    const char name = *at_++;
    if (name != 'u') {
      const std::size_t found = kNames.find(name);
      if (found == std::string_view::npos) fail("unknown escape");
      out.push_back(kValues[found]);
      return;
    }
    char32_t code = hex4();
    if (code >= 0xD800 && code < 0xDC00 && end_ - at_ >= 2 && at_[0] == '\\' && at_[1] == 'u') {
      at_ += 2;
      const char32_t low = hex4();
      if (low < 0xDC00 || low > 0xDFFF) fail("a surrogate without its other half");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xD800 && code <= 0xDFFF) {
      fail("a surrogate without its other half");
    }
    append_utf8(code, out);
  }

  void read_string(std::string& out) {
    ++at_;
    for (;;) {
      const char* begin = at_;
      while (at_ != end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20) ++at_;
      out.append(begin, static_cast<std::size_t>(at_ - begin));
      if (at_ == end_) fail("a string isn't closed");
      if (static_cast<unsigned char>(*at_) < 0x20) fail("a control character in a string; write it as an escape");
      if (*at_++ == '"') return;
      read_escape(out);
    }
  }

  // Reads digits into `significand`. Those that don't fit into 64 bits are passed over; returns how many of those.
  int read_digits(std::uint64_t& significand, int& num_taken) {
    int num_passed = 0;
    if (!is_digit(here())) fail("expected a digit");
    for (; is_digit(here()); ++at_) {
      constexpr std::uint64_t kTenth = UINT64_MAX / 10;
      const auto digit = static_cast<std::uint64_t>(*at_ - '0');
      if (num_passed > 0 || significand > kTenth || (significand == kTenth && digit > UINT64_MAX % 10)) {
        num_passed += num_passed < INT32_MAX / 4 ? 1 : 0;
      } else {
        significand = significand * 10 + digit;
        num_taken += num_taken < INT32_MAX / 4 ? 1 : 0;
      }
    }
    return num_passed;
  }

  // The exponent after 'e', limited to what makes any number infinite or zero.
  int read_exponent() {
    constexpr int kFar = INT32_MAX / 4;
    ++at_;
    const bool is_negative = here() == '-';
    if (is_negative || here() == '+') ++at_;
    if (!is_digit(here())) fail("expected a digit of the exponent");
    int exponent = 0;
    for (; is_digit(here()); ++at_) exponent = std::min(exponent * 10 + (*at_ - '0'), kFar / 10);
    return is_negative ? -exponent : exponent;
  }

  void read_number(Json& value) {
    const bool is_negative = here() == '-';
    if (is_negative) ++at_;
    if (!is_digit(here())) fail("expected a value");
    if (*at_ == '0' && end_ - at_ > 1 && is_digit(at_[1])) fail("a number with a leading zero");
    std::uint64_t significand = 0;
    int num_digits = 0;
    int exponent = read_digits(significand, num_digits);
    bool is_real = exponent > 0;
    if (here() == '.') {
      ++at_;
      is_real = true;
      int num_decimals = 0;
      read_digits(significand, num_decimals);
      exponent -= num_decimals;  // digits that were passed over count before the point, not behind it
    }
    if (here() == 'e' || here() == 'E') {
      is_real = true;
      exponent += read_exponent();
    }
    const std::uint64_t limit = is_negative ? std::uint64_t{1} << 63 : INT64_MAX;
    if (!is_real && significand <= limit && !(is_negative && significand == 0)) {
      value.type = Json::Type::kInteger;
      value.integer = static_cast<std::int64_t>(is_negative ? ~significand + 1 : significand);
      return;
    }
    value.type = Json::Type::kReal;
    const double size = scale(significand, exponent);
    value.real = is_negative ? -size : size;
  }

  double scale(std::uint64_t significand, int exponent) const {
    auto value = static_cast<double>(significand);
    for (; exponent < -kMaxPower && value != 0; exponent += kMaxPower) value /= 1e308;
    if (value == 0) return value;
    if (exponent > kMaxPower) fail("a number too large for 64 bits");
    const double power = powers_of_ten()[static_cast<std::size_t>(std::abs(exponent))];
    value = exponent < 0 ? value / power : value * power;
    if (std::isinf(value)) fail("a number too large for 64 bits");
    return value;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
};

void write_string(const std::string& text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  constexpr std::string_view kEscaped = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = "\"\\bfnrt";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (const std::size_t found = byte < 0x20 || c == '"' || c == '\\' ? kEscaped.find(c) : std::string_view::npos;
        found != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(kNames[found]);
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

// The shortest digits that read back as the same double, laid out as the original does (0.00001, 1e-6, 1e16, 2.0).
void write_real(double value, std::string& out) {
  char buffer[32];
  const auto done = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  std::string_view text(buffer, static_cast<std::size_t>(done.ptr - buffer));
  if (text.front() == '-') {
    out.push_back('-');
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  const char* from = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(from, text.data() + text.size(), exponent);
  const int point = exponent + 1;  // digits before the decimal point
  const auto count = static_cast<int>(digits.size());
  if (point > 16 || point <= -5) {
    out += digits.substr(0, 1);
    if (count > 1) (out += '.') += digits.substr(1);
    (out += 'e') += std::to_string(exponent);
  } else if (point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += digits;
  } else if (count <= point) {
    out += digits;
    out.append(static_cast<std::size_t>(point - count), '0');
    out += ".0";
  } else {
    out += digits.substr(0, static_cast<std::size_t>(point));
    (out += '.') += digits.substr(static_cast<std::size_t>(point));
  }
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
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    if (member->first == key) return &member->second;
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

Json json_real(double number) {
  Json value;
  value.type = Json::Type::kReal;
  value.real = number;
  return value;
}

}  // namespace dure
