// Patterns of Oniguruma (the regex engine of the original) in the spelling of the Python package `regex`, version 1.
#pragma once

#include <string>
#include <string_view>

namespace dure::python {

// Throws std::invalid_argument for what is broken, or has no counterpart.
std::string translate_regex(std::string_view pattern);

}  // namespace dure::python
