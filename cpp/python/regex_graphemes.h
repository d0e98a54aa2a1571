// Grapheme clusters (\X) as the original's regex engine has them: those of Unicode before 15.1, which doesn't join the
// consonants of Indic conjuncts (rule GB9c of UAX #29), where the package `regex` does.
#pragma once

#include <string>

namespace dure::python {

// A pattern of the package `regex` for one cluster.
std::string grapheme_pattern();
// A code point that is unassigned, but joins emoji as if it were one. In texts kReservedPictograph stands for it.
bool is_reserved_pictograph(char32_t code);
constexpr char32_t kReservedPictograph = 0x2FFFE;  // a noncharacter

}  // namespace dure::python
