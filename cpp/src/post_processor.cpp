// Post-processors of tokenizer.json as templates, and the narrowing of offsets.
#include "dure/post_processor.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "dure/unicode.h"
#include "dure/utf8.h"

namespace dure {
namespace {

using Template = std::vector<TemplatePart>;

constexpr const char* kKnown = "BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing";

TemplatePart text_part(std::int32_t sequence, std::int32_t type_id) {
  return {sequence, type_id, sequence, sequence, {}};
}

TemplatePart special_part(std::int32_t id, std::int32_t type_id) { return {-1, type_id, 0, -1, {id}}; }

std::int32_t checked(std::int64_t number, const char* what) {
  if (number >= 0 && number <= INT32_MAX) return static_cast<std::int32_t>(number);
  throw JsonError(std::string(what) + " of a post-processor is " + std::to_string(number) +
                  " and must lie between 0 and 2147483647");
}

Template without_specials(const Template& parts) {
  Template bare = parts;
  std::erase_if(bare, [](const TemplatePart& part) { return part.sequence < 0; });
  return bare;
}

// The original knows one place per text: the last one.
void label_sequences(Template& parts) {
  bool is_taken[2] = {false, false};
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->sequence < 0) continue;
    part->sequence_id = is_taken[part->sequence] ? -1 : part->sequence;
    is_taken[part->sequence] = true;
  }
}

void set_templates(PostProcessor& processor, Template single, Template pair) {
  label_sequences(single);
  label_sequences(pair);
  processor.bare_single = without_specials(single);
  processor.bare_pair = without_specials(pair);
  processor.single = std::move(single);
  processor.pair = std::move(pair);
}

PostProcessor plain() {
  PostProcessor processor;
  set_templates(processor, {text_part(0, 0)}, {text_part(0, 0), text_part(1, 1)});
  return processor;
}

std::vector<std::int32_t> special_ids(const Json& json, const std::string& name) {
  const Json* specials = json.find("special_tokens");
  const Json* found = specials == nullptr ? nullptr : specials->find(name);
  if (found == nullptr) {
    throw JsonError("the template uses the special token '" + name + "', which 'special_tokens' lacks: add it there");
  }
  std::vector<std::int32_t> ids;
  for (const Json& id : found->array("ids")) {
    if (id.type != Json::Type::kInteger) throw JsonError("an id of the special token '" + name + "' is no integer");
    ids.push_back(checked(id.integer, "an id"));
  }
  return ids;
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
    return {-1, type_id_, 0, -1, special_ids(json, name_)};
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
  return {-1, type_id, 0, -1, special_ids(json, special->text("id"))};
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

void read_template_processing(const Json& json, PostProcessor& processor) {
  Template single = read_template(json, "single", "$A");
  Template pair = read_template(json, "pair", "$A:0 $B:1");
  for (const TemplatePart& part : single) {
    if (part.sequence == 1) throw JsonError("the template 'single' uses the second text (B), which isn't there: use A");
  }
  set_templates(processor, std::move(single), std::move(pair));
}

// A member such as ["[SEP]", 102].
std::int32_t token_id(const Json& json, const char* name) {
  const std::vector<Json>& items = json.array(name);
  if (items.size() != 2 || items[0].type != Json::Type::kString || items[1].type != Json::Type::kInteger) {
    throw JsonError(std::string("'") + name + "' of a post-processor must be a token and its id: [\"[SEP]\", 102]");
  }
  return checked(items[1].integer, "an id");
}

void read_bert(const Json& json, PostProcessor& processor) {
  const std::int32_t sep = token_id(json, "sep");
  const TemplatePart cls = special_part(token_id(json, "cls"), 0);
  const TemplatePart first = text_part(0, 0);
  const TemplatePart second = text_part(1, 1);
  set_templates(processor, {cls, first, special_part(sep, 0)},
                {cls, first, special_part(sep, 0), second, special_part(sep, 1)});
}

void read_roberta(const Json& json, PostProcessor& processor) {
  const TemplatePart sep = special_part(token_id(json, "sep"), 0);
  const TemplatePart cls = special_part(token_id(json, "cls"), 0);
  const TemplatePart first = text_part(0, 0);
  TemplatePart second = text_part(1, 0);
  second.overflow_type_id = 0;
  set_templates(processor, {cls, first, sep}, {cls, first, sep, sep, second, sep});
  // Without special tokens the original forgets that every type is 0 where it comes to overflow.
  processor.bare_pair.back().overflow_type_id = 1;
  if (json.flag_or("trim_offsets", true)) processor.trims.push_back(json.flag_or("add_prefix_space", true));
}

// Reads one post-processor into what those before it in a Sequence left. `has_template`: one of them adds tokens.
void read(const Json& json, PostProcessor& processor, bool& has_template) {
  const std::string& type = json.text("type");
  if (type == "Sequence") {
    for (const Json& item : json.array("processors")) read(item, processor, has_template);
    return;
  }
  if (type == "ByteLevel") {
    if (json.flag_or("trim_offsets", true)) processor.trims.push_back(json.flag_or("add_prefix_space", true));
    return;
  }
  const bool is_template = type == "TemplateProcessing" || type == "BertProcessing" || type == "RobertaProcessing";
  if (!is_template) throw JsonError("a post-processor of type '" + type + "' is not known; known: " + kKnown);
  if (has_template) {
    throw JsonError("a post-processor of type 'Sequence' has a second step that adds tokens, '" + type +
                    "': write both as one TemplateProcessing");
  }
  has_template = true;
  if (type == "TemplateProcessing") read_template_processing(json, processor);
  if (type == "BertProcessing") read_bert(json, processor);
  if (type == "RobertaProcessing") read_roberta(json, processor);
}

}  // namespace

std::uint32_t PostProcessor::num_special_tokens(bool is_pair) const {
  std::size_t count = 0;
  for (const TemplatePart& part : is_pair ? pair : single) count += part.special_ids.size();
  return static_cast<std::uint32_t>(count);
}

Span PostProcessor::trim(Span span, TokenSpaces spaces, bool is_first) const {
  for (const bool expects_added_space : trims) {
    // With more than one space in front none was added. What stands at a text's start counts as first in any row.
    const bool is_added = expects_added_space && spaces.leading_chars == 1 && (is_first || span.begin_chars == 0);
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
  PostProcessor processor = plain();
  if (json == nullptr || json->is_null()) return processor;
  if (json->type != Json::Type::kObject) throw JsonError("a post-processor must be an object with a 'type', or null");
  bool has_template = false;
  read(*json, processor, has_template);
  return processor;
}

}  // namespace dure
