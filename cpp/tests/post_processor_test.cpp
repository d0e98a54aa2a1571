#include "dure/post_processor.h"

#include "check.h"
#include "dure/truncation.h"

namespace dure {
namespace {

PostProcessor read(const char* json) {
  const Json document = parse_json(json);
  return post_processor_from_json(&document);
}

constexpr const char* kRoberta =
    R"({"type":"RobertaProcessing","sep":["</s>",2],"cls":["<s>",0],"trim_offsets":true,"add_prefix_space":true})";

bool is_span(Span span, std::uint32_t begin, std::uint32_t end) {
  return span.begin_chars == begin && span.end_chars == end;
}

TEST(templates_say_where_texts_and_special_tokens_stand) {
  const PostProcessor processor = read(kRoberta);
  CHECK(processor.num_special_tokens(false) == 2);
  CHECK(processor.num_special_tokens(true) == 4);
  const std::vector<TemplatePart>& pair = processor.rows(true, true).parts;
  CHECK(pair.size() == 6);
  CHECK(pair[0].special_ids == std::vector<std::int32_t>{0});
  CHECK(pair[4].sequence == 1 && pair[4].type_id == 0 && pair[4].overflow_type_id == 0);
  CHECK(processor.rows(true, false).parts.size() == 2);
  CHECK(processor.rows(true, false).parts[1].overflow_type_id == 1);
}

TEST(a_text_that_comes_twice_is_labelled_where_it_comes_last) {
  const PostProcessor processor =
      read(R"({"type":"TemplateProcessing","single":"$A [S] $A:1","special_tokens":{"[S]":{"ids":[7,8]}}})");
  const std::vector<TemplatePart>& parts = processor.rows(false, true).parts;
  CHECK(parts.size() == 3);
  CHECK((processor.rows(false, true).labels == std::vector<std::int32_t>{-1, -1, 0}));
  CHECK(processor.num_special_tokens(false) == 2);
  const RowRanges rows = row_ranges(parts, 2, 1);
  CHECK(rows.num_rows == 4);
  CHECK((rows.ranges == std::vector<std::uint32_t>{0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1}));
}

TEST(steps_of_a_sequence_follow_each_other) {
  const PostProcessor twice = read(R"({"type":"Sequence","processors":[
      {"type":"BertProcessing","sep":["s",2],"cls":["c",1]},{"type":"BertProcessing","sep":["S",4],"cls":["C",3]}]})");
  CHECK(twice.num_special_tokens(false) == 4 && twice.num_special_tokens(true) == 6);
  const RowTemplate& row = twice.rows(false, true);
  CHECK(row.parts.size() == 5);
  CHECK(row.parts[0].is_masked && !row.parts[1].is_masked && row.parts[1].text_place == 2);
  CHECK((row.labels == std::vector<std::int32_t>{-1, 0, 0, 0, -1}));
  const PostProcessor templates = read(R"({"type":"Sequence","processors":[
      {"type":"TemplateProcessing","single":"[C] $A [S]","special_tokens":{"[C]":{"ids":[1]},"[S]":{"ids":[2]}}},
      {"type":"TemplateProcessing"}]})");
  CHECK(test::refusal([&] { templates.rows(false, true); }).find("made 3 parts") != std::string::npos);
  CHECK(templates.rows(false, false).parts.size() == 1);
}

TEST(rows_without_parts_and_too_many_rows) {
  CHECK(row_ranges({}, 3, 3).num_rows == 1);
  TemplatePart text;
  text.sequence = 0;
  const std::vector<TemplatePart> parts(8, text);
  CHECK(!test::refusal([&] { row_ranges(parts, 1000, 1); }).empty());
}

TEST(offsets_leave_out_spaces) {
  const std::vector<OffsetTrim> expects = {{true, true}};
  const std::vector<OffsetTrim> plain = {{false, true}};
  CHECK(is_span(trim(plain, {3, 6}, count_spaces("\u0120ab", false), false), 4, 6));
  CHECK(is_span(trim(plain, {3, 6}, count_spaces(" ab", true), false), 4, 6));
  CHECK(is_span(trim(plain, {0, 2}, count_spaces("\u0120ab", false), true), 1, 2));
  CHECK(is_span(trim(expects, {0, 2}, count_spaces("\u0120ab", false), true), 0, 2));
  CHECK(is_span(trim(expects, {5, 7}, count_spaces("\u0120ab", false), true), 5, 7));
  CHECK(is_span(trim(expects, {5, 8}, count_spaces("\u0120ab", false), false), 6, 8));
  CHECK(is_span(trim(expects, {0, 4}, count_spaces("\u0120\u0120ab", false), true), 2, 4));
  CHECK(is_span(trim(plain, {2, 4}, count_spaces("\u0120\u0120", false), false), 4, 4));
  CHECK(is_span(trim(plain, {1, 6}, count_spaces(" <m>\u3000", false), false), 2, 5));
  CHECK(is_span(trim(plain, {0, 0}, count_spaces("\u0120", false), false), 0, 0));
}

TEST(texts_are_cut_into_ranges_that_overlap) {
  const auto ranges = cut(7, 3, 1, false);
  CHECK(ranges.size() == 3 && ranges[2].begin == 4 && ranges[2].end == 7);
  const auto left = cut(7, 3, 1, true);
  CHECK(left.size() == 3 && left[0].begin == 4 && left[2].begin == 0);
  CHECK(cut(4, 0, 9, false).size() == 2);
  CHECK(cut(0, 0, 9, false).size() == 1);
  const Kept kept = share(10, 3, true, 7, TruncationStrategy::kLongestFirst);
  CHECK(kept.first == 4 && kept.second == 3);
  CHECK(share(4, 4, true, 0, TruncationStrategy::kOnlyFirst).second == 0);
  const auto refused = [] { share(3, 0, false, 2, TruncationStrategy::kOnlySecond); };
  CHECK(test::refusal(refused).find("needs a second text") != std::string::npos);
}

}  // namespace
}  // namespace dure
