// Pre-tokenizers by name, and Sequence.
#include "dure/pre_tokenizer.h"

#include <algorithm>
#include <utility>

#include "dure/scanner.h"
#include "dure/utf8.h"

namespace dure {
namespace {

using StepPointer = std::unique_ptr<const PreTokenizer>;

class Sequence final : public PreTokenizer {
 public:
  explicit Sequence(std::vector<StepPointer> steps) : steps_(std::move(steps)) {}

  void apply(Words& words, Words& scratch, Ends ends) const override {
    for (const StepPointer& step : steps_) step->apply(words, scratch, ends);
  }

  // Once a step has made a border at a cut, later ones see the two sides apart anyway.
  bool is_local() const override {
    for (const StepPointer& step : steps_) {
      if (step->is_local()) return true;
      if (!step->is_cuttable()) return false;
    }
    return false;
  }

  // What stands before Metaspace may cut there too, if it cuts nowhere else then: Metaspace would have.
  bool takes_visible_spaces() const override {
    for (const StepPointer& step : steps_) {
      if (step->takes_visible_spaces()) return true;
      if (!step->is_charwise()) return false;
    }
    return false;
  }

  bool is_cuttable() const override {
    const auto is_step_cuttable = [](const auto& step) { return step->is_cuttable(); };
    return is_local() || std::all_of(steps_.begin(), steps_.end(), is_step_cuttable);
  }

  bool sees_ends() const override {
    return std::any_of(steps_.begin(), steps_.end(), [](const auto& step) { return step->sees_ends(); });
  }

 private:
  std::vector<StepPointer> steps_;
};

const char* const kKnownTypes =
    "BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, FixedLength, Metaspace, Punctuation, Sequence, Split, "
    "UnicodeScripts, Whitespace, WhitespaceSplit";

StepPointer make_sequence(const Json& json, PreTokenizerOptions options) {
  const std::vector<Json>& sections = json.array("pretokenizers");
  std::vector<StepPointer> steps;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    PreTokenizerOptions own = options;
    own.keeps_bytes = options.keeps_bytes && i + 1 == sections.size();
    auto step = pre_tokenizer_from_json(&sections[i], own);
    if (step == nullptr) throw JsonError("a Sequence pre-tokenizer has null among its 'pretokenizers'; leave it out");
    steps.push_back(std::move(step));
  }
  return std::make_unique<Sequence>(std::move(steps));
}

StepPointer make_split_step(const Json& json) {
  auto regex = pattern_from_json(json.at("pattern"));
  return make_split(std::move(regex), split_behavior_from_name(json.text("behavior")), json.flag_or("invert", false));
}

StepPointer make_digits(const Json& json) {
  const bool is_individual = json.flag_or("individual_digits", false);
  return make_split(make_kind_matcher(kNumerics), is_individual ? SplitBehavior::kIsolated : SplitBehavior::kContiguous,
                    false);
}

StepPointer make_delimiter_split(const Json& json) {
  const std::string& delimiter = json.text("delimiter");
  std::vector<char32_t> codes;
  decode_utf8(delimiter, codes);
  if (codes.size() != 1) {
    throw JsonError("CharDelimiterSplit: 'delimiter' must be one character, not '" + delimiter + "'");
  }
  return make_split(make_literal(delimiter), SplitBehavior::kRemoved, false);
}

StepPointer make_fixed_length_step(const Json& json) {
  constexpr std::int64_t kDefaultLength = 5;
  const std::int64_t length = json.number_or("length", kDefaultLength);
  if (length < 1) throw JsonError("FixedLength: 'length' must be at least 1, not " + std::to_string(length));
  return make_fixed_length(static_cast<std::size_t>(length));
}

}  // namespace

SplitBehavior split_behavior_from_name(const std::string& name) {
  constexpr std::pair<const char*, SplitBehavior> kBehaviors[] = {
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  };
  for (const auto& [known, behavior] : kBehaviors) {
    if (name == known) return behavior;
  }
  throw JsonError("the behavior '" + name +
                  "' is unknown; it must be Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

std::unique_ptr<const PreTokenizer> pre_tokenizer_from_json(const Json* json, PreTokenizerOptions options) {
  if (json == nullptr || json->is_null()) return nullptr;
  const std::string& type = json->text("type");
  if (type == "BertPreTokenizer") return make_bert_pre_tokenizer();
  if (type == "ByteLevel") return make_byte_level(*json, options.keeps_bytes);
  if (type == "CharDelimiterSplit") return make_delimiter_split(*json);
  if (type == "Digits") return make_digits(*json);
  if (type == "FixedLength") return make_fixed_length_step(*json);
  if (type == "Metaspace") return make_metaspace(*json);
  if (type == "Punctuation") {
    const SplitBehavior behavior = split_behavior_from_name(json->text_or("behavior", "Isolated"));
    return make_split(make_punctuation_matcher(), behavior, false);
  }
  if (type == "Sequence") return make_sequence(*json, options);
  if (type == "Split") return make_split_step(*json);
  if (type == "UnicodeScripts") return make_unicode_scripts();
  if (type == "Whitespace") {
    return make_split(make_word_or_symbols(kWordCharacters, kWordCharacters), SplitBehavior::kRemoved, true);
  }
  if (type == "WhitespaceSplit") return make_split(make_kind_matcher(kSpaces), SplitBehavior::kRemoved, false);
  throw JsonError("the pre-tokenizer type '" + type + "' is unknown; known are " + kKnownTypes);
}

bool ends_in_byte_level(const Json* json) {
  if (json == nullptr) return false;
  const Json* type = json->find("type");
  if (type == nullptr || type->type != Json::Type::kString) return false;
  if (type->string == "ByteLevel") return true;
  if (type->string != "Sequence") return false;
  for (const char* key : {"pretokenizers", "normalizers"}) {
    const Json* steps = json->find(key);
    if (steps != nullptr && !steps->items.empty()) return ends_in_byte_level(&steps->items.back());
  }
  return false;
}

}  // namespace dure
