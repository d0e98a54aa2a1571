#include "dure/added_tokens.h"

#include <random>

#include "check.h"

namespace dure {
namespace {

TokenFinder finder(std::vector<AddedToken> tokens) {
  std::vector<std::string> contents;
  for (const AddedToken& token : tokens) contents.push_back(token.content);
  return {std::move(tokens), std::move(contents)};
}

AddedToken token(std::int32_t id, std::string content, bool single_word = false, bool lstrip = false,
                 bool rstrip = false) {
  return {id, std::move(content), false, single_word, lstrip, rstrip, false};
}

// "<id>:text|..." of all stretches.
std::string split(const TokenFinder& finder, std::string_view text) {
  std::vector<Stretch> stretches;
  finder.split(text, stretches);
  std::string out;
  for (const Stretch& stretch : stretches) {
    const std::string_view part = text.substr(stretch.range.begin_bytes, stretch.range.size_bytes());
    out.append(out.empty() ? "" : "|").append(stretch.id < 0 ? "" : std::to_string(stretch.id) + ":").append(part);
  }
  return out;
}

TEST(the_longest_of_the_leftmost_tokens_is_found) {
  const TokenFinder finds = finder({token(1, "ab"), token(2, "abcd"), token(3, "bc"), token(4, "한")});
  CHECK(split(finds, "xabcdbcab한") == "x|2:abcd|3:bc|1:ab|4:한");
  CHECK(split(finds, "abcx") == "1:ab|cx");
  CHECK(split(finds, "") == "");
  CHECK(split(finds, "nothing") == "nothing");
  CHECK(split(finder({token(1, "a"), token(2, "a")}), "a") == "1:a");
  CHECK(split(finder({token(1, "")}), "a") == "a");
}

TEST(words_are_whole_and_spaces_are_taken_along) {
  const TokenFinder word = finder({token(1, "<m>", true, true, true)});
  CHECK(split(word, "a<m> <m>b <m>") == "a<m> <m>b|1: <m>");
  CHECK(split(word, "a \u3000<m>\t,") == "a|1: \u3000<m>\t|,");
  CHECK(split(word, "e\u0301<m>") == "e\u0301<m>");
}

TEST(what_is_taken_twice_is_covered_twice) {
  CHECK(split(finder({token(1, "x", false, false, true), token(2, " b")}), "ax   b") == "a|1:x   |2: b");
  CHECK(split(finder({token(1, "x", false, false, true), token(2, "\t")}), "ax \t b") == "a|1:x \t |2:\t| b");
  CHECK(split(finder({token(1, "x", false, false, true), token(2, "\t", false, true)}), "x \t b") == "1:x \t |b");
}

TEST(many_spaces_are_looked_through_once) {
  const std::string spaces(1 << 20, ' ');
  std::vector<Stretch> stretches;
  finder({token(1, " ", false, true, true)}).split(spaces, stretches);
  CHECK(stretches.size() == 1);
}

TEST(damaged_text_is_no_danger) {
  std::mt19937 random(1);
  const TokenFinder finds = finder({token(1, "\xE6\x97\xA5", true, true, true), token(2, " ", false, true, true)});
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (int j = 0; j < 12; ++j) text += "\xE6\x97\xA5 \x80\xF0"[random() % 6];
    std::vector<Stretch> stretches;
    finds.split(text, stretches);
    CHECK(stretches.back().range.end_bytes <= text.size());
  }
}

TEST(only_what_stays_on_one_side_of_a_cut_is_local) {
  CHECK(finder({token(1, "<s>"), token(2, " a")}).is_local(" "));
  CHECK(!finder({token(1, "a b")}).is_local(" "));
  CHECK(!finder({token(1, "a▁b")}).is_local("▁"));
  CHECK(!finder({token(1, "<s>", false, false, true)}).is_local(" "));
  CHECK(!finder({token(1, "<s>", true)}).is_local(" "));
  CHECK(!finder({token(1, "<s>")}).is_local(""));
}

}  // namespace
}  // namespace dure
