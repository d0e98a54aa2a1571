// The pictographs: Extended_Pictographic of Unicode 13 to 15.
#include "regex_graphemes.h"

namespace dure::python {
namespace {

// Planes of pictographs that the Unicode data of then reserved as a whole.
constexpr char32_t kReserved[][2] = {
    {0x1F000, 0x1F0FF}, {0x1F10D, 0x1F10F}, {0x1F16C, 0x1F16F}, {0x1F1AD, 0x1F1E5}, {0x1F201, 0x1F20F},
    {0x1F23C, 0x1F23F}, {0x1F249, 0x1F3FA}, {0x1F400, 0x1F53D}, {0x1F680, 0x1F6FF}, {0x1F774, 0x1F77F},
    {0x1F7D5, 0x1F7FF}, {0x1F80C, 0x1F80F}, {0x1F848, 0x1F84F}, {0x1F85A, 0x1F85F}, {0x1F888, 0x1F88F},
    {0x1F8AE, 0x1F8FF}, {0x1F90C, 0x1F93A}, {0x1F947, 0x1FAFF}, {0x1FC00, 0x1FFFD},
};

const char* const kPictographs =
    R"(\u00A9\u00AE\u203C\u2049\u2122\u2139\u2194-\u2199\u21A9-\u21AA\u231A-\u231B\u2328\u2388\u23CF)"
    R"(\u23E9-\u23F3\u23F8-\u23FA\u24C2\u25AA-\u25AB\u25B6\u25C0\u25FB-\u25FE\u2600-\u2605\u2607-\u2612)"
    R"(\u2614-\u2685\u2690-\u2705\u2708-\u2712\u2714\u2716\u271D\u2721\u2728\u2733-\u2734\u2744\u2747)"
    R"(\u274C\u274E\u2753-\u2755\u2757\u2763-\u2767\u2795-\u2797\u27A1\u27B0\u27BF\u2934-\u2935)"
    R"(\u2B05-\u2B07\u2B1B-\u2B1C\u2B50\u2B55\u3030\u303D\u3297\u3299\U0001F000-\U0001F0FF)"
    R"(\U0001F10D-\U0001F10F\U0001F12F\U0001F16C-\U0001F171\U0001F17E-\U0001F17F\U0001F18E)"
    R"(\U0001F191-\U0001F19A\U0001F1AD-\U0001F1E5\U0001F201-\U0001F20F\U0001F21A\U0001F22F)"
    R"(\U0001F232-\U0001F23A\U0001F23C-\U0001F23F\U0001F249-\U0001F3FA\U0001F400-\U0001F53D)"
    R"(\U0001F546-\U0001F64F\U0001F680-\U0001F6FF\U0001F774-\U0001F77F\U0001F7D5-\U0001F7FF)"
    R"(\U0001F80C-\U0001F80F\U0001F848-\U0001F84F\U0001F85A-\U0001F85F\U0001F888-\U0001F88F)"
    R"(\U0001F8AE-\U0001F8FF\U0001F90C-\U0001F93A\U0001F93C-\U0001F945\U0001F947-\U0001FAFF)"
    R"(\U0001FC00-\U0001FFFD)"
    R"(\U0002FFFE)";  // stands for the reserved ones

std::string property(const char* name) { return std::string("\\p{GCB=") + name + "}"; }

}  // namespace

std::string grapheme_pattern() {
  const std::string pictograph = std::string("[") + kPictographs + "]";
  // U+11A3A was such a prefix until Unicode 15.
  const std::string prefixes = "[" + property("Prepend") + "\\U00011A3A]*";
  const std::string syllable = "(?:" + property("L") + "*(?:" + property("V") + "+|" + property("LV") + property("V") +
                               "*|" + property("LVT") + ")" + property("T") + "*|" + property("L") + "+|" +
                               property("T") + "+)";
  const std::string emoji = pictograph + "(?:" + property("Extend") + "*" + property("ZWJ") + pictograph + ")*";
  const std::string flag = property("RI") + property("RI");
  const std::string control = property("Control") + "\\r\\n";
  const std::string tail = "[" + property("Extend") + property("ZWJ") + property("SpacingMark") + "]*";
  return "(?>\\r\\n|[" + control + "]|" + prefixes + "(?:" + syllable + "|" + flag + "|" + emoji + "|[^" + control +
         "])" + tail + "|[" + property("Prepend") + "\\U00011A3A" + "]+" + tail + "|[^" + control + "])";
}

bool is_reserved_pictograph(char32_t code) {
  for (const auto& range : kReserved) {
    if (code >= range[0] && code <= range[1]) return true;
  }
  return false;
}

}  // namespace dure::python
