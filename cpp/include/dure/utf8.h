// UTF-8 to code points and back. Input comes from Python strings or from files checked by the JSON reader, so it is
// valid; a damaged byte becomes U+FFFD and never a read past the end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dure {

// Appends the code points of `text` to `out`.
void decode_utf8(std::string_view text, std::vector<char32_t>& out);

// Appends one code point as UTF-8.
void append_utf8(char32_t code, std::string& out);

// A range of code points as UTF-8.
std::string encode_utf8(const char32_t* begin, const char32_t* end);

}  // namespace dure
