// JSON (RFC 8259): a small strict reader and writer for tokenizer.json. Objects keep their order, integers their value.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dure {

// What is wrong with a document; the message names the byte or the key.
class JsonError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

struct Json {
  enum class Type : std::uint8_t { kNull, kBool, kInteger, kReal, kString, kArray, kObject };

  Type type = Type::kNull;
  bool boolean = false;
  union {
    std::int64_t integer = 0;  // of kInteger
    double real;               // of kReal
  };
  std::string string;
  std::vector<Json> items;                            // of an array
  std::vector<std::pair<std::string, Json>> members;  // of an object

  Json();  // defined below: clang can't make it up while the type of `members` isn't complete
  bool is_null() const { return type == Type::kNull; }
  bool is_number() const { return type == Type::kInteger || type == Type::kReal; }
  // The value of a number of either type.
  double as_real() const { return type == Type::kReal ? real : static_cast<double>(integer); }
  // The member of that name (the last one, as in the original, if it stands twice); null where there is none or this
  // isn't an object.
  const Json* find(std::string_view key) const;
  // Typed members. Without a default, a missing member throws JsonError; a wrong type always does.
  const Json& at(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  std::string text_or(std::string_view key, std::string fallback) const;
  bool flag_or(std::string_view key, bool fallback) const;
  std::int64_t number(std::string_view key) const;
  std::int64_t number_or(std::string_view key, std::int64_t fallback) const;
  const std::vector<Json>& array(std::string_view key) const;
};

inline Json::Json() = default;

// Throws JsonError with the byte offset, for invalid UTF-8 too. Depth is limited to 128, so hostile nesting can't
// overflow the stack. A number with a fraction or an exponent is read as the original reads it (serde_json: the digits
// as an integer, rounded, then scaled by a power of ten, rounded again), which may be one unit in the last place beside
// the nearest double: the scores of Unigram must tie where they tie there.
Json parse_json(std::string_view text);

// With two spaces of indentation, as the original library writes files.
std::string dump_json(const Json& value);

Json json_string(std::string text);
Json json_bool(bool value);
Json json_integer(std::int64_t value);
Json json_real(double value);

}  // namespace dure
