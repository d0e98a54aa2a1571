// JSON (RFC 8259): a small strict reader and writer for tokenizer.json. Objects keep their order and integers their value.
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
  enum class Type { kNull, kBool, kInteger, kReal, kString, kArray, kObject };

  Type type = Type::kNull;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string string;
  std::vector<Json> items;                            // of an array
  std::vector<std::pair<std::string, Json>> members;  // of an object

  bool is_null() const { return type == Type::kNull; }
  // The member of that name; null where there is none or this isn't an object.
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

// Throws JsonError with the byte offset. Depth is limited to 128, so hostile nesting can't overflow the stack.
Json parse_json(std::string_view text);

// With two spaces of indentation, as the original library writes files.
std::string dump_json(const Json& value);

Json json_string(std::string text);
Json json_bool(bool value);
Json json_integer(std::int64_t value);

}  // namespace dure
