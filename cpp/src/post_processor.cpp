// Post-processors of tokenizer.json as steps, the rows they make, and the narrowing of offsets.
#include "dure/post_processor.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "dure/unicode.h"
#include "dure/utf8.h"
#include "post_processor_steps.h"

namespace dure {
namespace {

using Template = std::vector<TemplatePart>;

constexpr const char* kKnown = "BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing";

TemplatePart text_part(std::int32_t sequence, std::int32_t type_id) {
  TemplatePart part;
  part.sequence = sequence;
  part.type_id = type_id;
  return part;
}

std::int32_t checked(std::int64_t number, const char* what) {
  if (number >= 0 && number <= INT32_MAX) return static_cast<std::int32_t>(number);
  throw JsonError(std::string(what) + " of a post-processor is " + std::to_string(number) +
                  " and must lie between 0 and 2147483647");
}

TemplatePart special_part(const Json& json, const std::string& name, std::int32_t type_id) {
  const Json* specials = json.find("special_tokens");
  const Json* found = specials == nullptr ? nullptr : specials->find(name);
  if (found == nullptr) {
    throw JsonError("the template uses the special token '" + name + "', which 'special_tokens' lacks: add it there");
  }
  TemplatePart part;
  part.type_id = part.overflow_type_id = type_id;
  for (const Json& id : found->array("ids")) {
    if (id.type != Json::Type::kInteger) throw JsonError("an id of the special token '" + name + "' is no integer");
    part.special_ids.push_back(checked(id.integer, "an id"));
  }
  const Json* names = found->find("tokens");
  if (names == nullptr || names->is_null()) return part;
  for (const Json& text : found->array("tokens")) {
    if (text.type != Json::Type::kString) throw JsonError("a token of the special token '" + name + "' is no string");
    part.special_names.push_back(text.string);
  }
  if (part.special_names.size() == part.special_ids.size()) return part;
  throw JsonError("the special token '" + name + "' has " + std::to_string(part.special_ids.size()) + " ids and " +
                  std::to_string(part.special_names.size()) + " tokens: give as many of both");
}

// A place as it's spelled in code: "$", "$A", "$1", "$B:1", "[CLS]", "[CLS]:1".
class Spelling {
 public:
  explicit Spelling(const std::string& text) : text_(text) {
    const std::size_t colon = text.find(':');
    name_ = text.substr(0, colon);
    if (colon != std::string::npos) type_id_ = number(std::string_view(text).substr(colon + 1));
    if (!name_.starts_with('$')) return;
    const std::string_view rest = std::string_view(name_).substr(1);
    sequence_ = rest == "B" || rest == "b" ? 1 : 0;
    if (rest.empty() || rest == "A" || rest == "a" || sequence_ == 1) return;
    const std::int32_t type_id = number(rest);  // "$1" is the first text with type id 1
    if (colon == std::string::npos) type_id_ = type_id;
  }

  TemplatePart part(const Json& json) const {
    if (sequence_ >= 0) return text_part(sequence_, type_id_);
    return special_part(json, name_, type_id_);
  }

 private:
  std::int32_t number(std::string_view digits) const {
    std::int32_t value = -1;
    const char* end = digits.data() + digits.size();
    const auto done = std::from_chars(digits.data(), end, value);
    if (digits.empty() || done.ec != std::errc{} || done.ptr != end || value < 0) {
      throw JsonError("a place of a template is '" + text_ + "' and must look like $A, $B:1 or [CLS]:0");
    }
    return value;
  }

  std::string text_;
  std::string name_;
  std::int32_t sequence_ = -1;
  std::int32_t type_id_ = 0;
};

TemplatePart read_part(const Json& json, const Json& item) {
  if (item.type == Json::Type::kString) return Spelling(item.string).part(json);
  if (const Json* sequence = item.find("Sequence")) {
    const std::string& id = sequence->text("id");
    if (id != "A" && id != "B") throw JsonError("the id of a sequence in a template must be A or B, not '" + id + "'");
    return text_part(id == "A" ? 0 : 1, checked(sequence->number_or("type_id", 0), "'type_id'"));
  }
  const Json* special = item.find("SpecialToken");
  if (special == nullptr) throw JsonError("a place of a template must be a 'Sequence' or a 'SpecialToken'");
  const std::int32_t type_id = checked(special->number_or("type_id", 0), "'type_id'");
  return special_part(json, special->text("id"), type_id);
}

Template read_template(const Json& json, const char* name, const char* fallback) {
  const Json* found = json.find(name);
  Template parts;
  if (found != nullptr && found->type == Json::Type::kArray) {
    for (const Json& item : found->items) parts.push_back(read_part(json, item));
    return parts;
  }
  const std::string text = json.text_or(name, fallback);
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    parts.push_back(Spelling(text.substr(begin, end - begin)).part(json));
    begin = end + 1;
  }
  return parts;
}

void read_template_processing(const Json& json, PostStep& step) {
  step.kind = PostStep::Kind::kTemplate;
  step.single = read_template(json, "single", "$A");
  step.pair = read_template(json, "pair", "$A:0 $B:1");
  for (const TemplatePart& part : step.single) {
    if (part.sequence == 1) throw JsonError("the template 'single' uses the second text (B), which isn't there: use A");
  }
}

// A member such as ["[SEP]", 102].
TemplatePart read_token(const Json& json, const char* name) {
  const std::vector<Json>& items = json.array(name);
  if (items.size() != 2 || items[0].type != Json::Type::kString || items[1].type != Json::Type::kInteger) {
    throw JsonError(std::string("'") + name + "' of a post-processor must be a token and its id: [\"[SEP]\", 102]");
  }
  TemplatePart part;
  part.special_ids = {checked(items[1].integer, "an id")};
  part.special_names = {items[0].string};
  return part;
}

void read_trimming(const Json& json, PostStep& step) {
  step.trims = json.flag_or("trim_offsets", true);
  step.expects_added_space = json.flag_or("add_prefix_space", true);
}

void read(const Json& json, std::vector<PostStep>& steps) {
  const std::string& type = json.text("type");
  if (type == "Sequence") {
    for (const Json& item : json.array("processors")) read(item, steps);
    return;
  }
  PostStep& step = steps.emplace_back();
  if (type == "ByteLevel") {
    read_trimming(json, step);
  } else if (type == "TemplateProcessing") {
    read_template_processing(json, step);
  } else if (type == "BertProcessing" || type == "RobertaProcessing") {
    step.sep = read_token(json, "sep");
    step.cls = read_token(json, "cls");
    step.kind = type == "BertProcessing" ? PostStep::Kind::kBert : PostStep::Kind::kRoberta;
    if (step.kind == PostStep::Kind::kRoberta) read_trimming(json, step);
  } else {
    throw JsonError("a post-processor of type '" + type + "' is not known; known: " + kKnown);
  }
}

}  // namespace

std::vector<std::int32_t> RowTemplate::labels_of(const std::uint32_t* ranges) const {
  PlaceLabels all;
  for (const Item& item : items) {
    const bool is_overflow = ranges != nullptr && item.text_place >= 0 && ranges[item.text_place] != 0;
    for (const auto& [sequence, places] : is_overflow ? item.overflow_labels : item.labels) {
      all[sequence] = {item.begin + places.first, item.begin + places.second};
    }
  }
  // The original counts how many sequences it knows and asks for the first so many; of one that it doesn't know, all
  // places are its own.
  std::vector<std::int32_t> out(parts.size(), -1);
  const auto count = static_cast<std::int32_t>(std::max<std::size_t>(all.size(), 1));
  for (std::int32_t sequence = 0; sequence < count; ++sequence) {
    const auto found = all.find(sequence);
    const std::size_t begin = found == all.end() ? 0 : found->second.first;
    const std::size_t end = found == all.end() ? parts.size() : found->second.second;
    for (std::size_t place = begin; place < end; ++place) out[place] = sequence;
  }
  return out;
}

const RowTemplate& PostProcessor::rows(bool is_pair, bool add_special_tokens) const {
  const RowTemplate& with = is_pair ? pair : single;
  const RowTemplate& without = is_pair ? bare_pair : bare_single;
  const RowTemplate& found = add_special_tokens ? with : without;
  if (!found.failure.empty()) throw std::invalid_argument(found.failure);
  return found;
}

Span trim(const std::vector<OffsetTrim>& steps, Span span, TokenSpaces spaces, bool is_first) {
  for (const OffsetTrim& step : steps) {
    // With more than one space in front none was added. What stands at a text's start counts as first in any row.
    const bool is_head = (is_first && step.is_head) || span.begin_chars == 0;
    const bool is_added = step.expects_added_space && spaces.leading_chars == 1 && is_head;
    if (!is_added) span.begin_chars = std::min(span.begin_chars + spaces.leading_chars, span.end_chars);
    if (span.end_chars >= spaces.trailing_chars) {
      span.end_chars = std::max(span.end_chars - spaces.trailing_chars, span.begin_chars);
    }
  }
  return span;
}

TokenSpaces count_spaces(std::string_view token, bool is_bytes) {
  const auto count = [](const auto& units, const auto& is_space) {
    const auto begin = std::find_if_not(units.begin(), units.end(), is_space);
    const auto end = std::find_if_not(units.rbegin(), units.rend(), is_space);
    return TokenSpaces{static_cast<std::uint32_t>(begin - units.begin()),
                       static_cast<std::uint32_t>(end - units.rbegin())};
  };
  // Of the characters that stand for bytes only the space's (U+0120) counts, and none of them is white space itself.
  if (is_bytes) return count(token, [](char c) { return c == ' '; });
  const auto is_plain = [](char c) { return c > ' ' && c < 0x7F; };
  if (token.empty() || (is_plain(token.front()) && is_plain(token.back()))) return {};
  std::vector<char32_t> codes;
  decode_utf8(token, codes);
  return count(codes, [](char32_t code) { return code == 0x120 || (unicode_flags(code) & kSpace) != 0; });
}

RowRanges row_ranges(const std::vector<TemplatePart>& parts, std::uint32_t num_first, std::uint32_t num_second) {
  constexpr std::size_t kMaxNumbers = std::size_t{1} << 25;
  const auto num_ranges = [&](const TemplatePart& part) -> std::size_t {
    return part.sequence < 0 ? 1 : std::max(part.sequence == 0 ? num_first : num_second, 1U);
  };
  std::size_t num_rows = 1;
  for (const TemplatePart& part : parts) {
    num_rows *= num_ranges(part);
    if (num_rows * parts.size() <= kMaxNumbers) continue;
    throw std::invalid_argument("the overflow of this text would fill " + std::to_string(num_rows) +
                                " rows or more: raise max_length, lower stride, or ask for no overflow");
  }
  // As the original merges from left to right: each row of the overflow so far with all ranges of the next part, then
  // the first row with the part's overflow.
  RowRanges rows;
  for (std::size_t column = 0; column < parts.size(); ++column) {
    const std::size_t count = num_ranges(parts[column]);
    RowRanges next;
    next.num_rows = rows.num_rows * count;
    next.ranges.reserve(next.num_rows * (column + 1));
    const auto add = [&](std::size_t row, std::size_t range) {
      const auto begin = rows.ranges.begin() + static_cast<std::ptrdiff_t>(row * column);
      next.ranges.insert(next.ranges.end(), begin, begin + static_cast<std::ptrdiff_t>(column));
      next.ranges.push_back(static_cast<std::uint32_t>(range));
    };
    add(0, 0);
    for (std::size_t row = 1; row < rows.num_rows; ++row) {
      for (std::size_t range = 0; range < count; ++range) add(row, range);
    }
    for (std::size_t range = 1; range < count; ++range) add(0, range);
    rows = std::move(next);
  }
  return rows;
}

PostProcessor post_processor_from_json(const Json* json) {
  std::vector<PostStep> steps;
  if (json != nullptr && !json->is_null()) {
    if (json->type != Json::Type::kObject) throw JsonError("a post-processor must be an object with a 'type', or null");
    read(*json, steps);
  }
  PostProcessor processor;
  processor.single = run_steps(steps, false, true);
  processor.pair = run_steps(steps, true, true);
  processor.bare_single = run_steps(steps, false, false);
  processor.bare_pair = run_steps(steps, true, false);
  for (const PostStep& step : steps) {
    processor.num_special_single += static_cast<std::uint32_t>(step.num_special_tokens(false));
    processor.num_special_pair += static_cast<std::uint32_t>(step.num_special_tokens(true));
  }
  return processor;
}

}  // namespace dure
