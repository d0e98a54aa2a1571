// The steps of a post-processor, run once over places instead of tokens: what they would do to any text.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dure/post_processor.h"

namespace dure {

// One post-processor other than a Sequence.
struct PostStep {
  enum class Kind { kTemplate, kBert, kRoberta, kByteLevel };
  Kind kind = Kind::kByteLevel;
  // Of a template: a text (0, 1) or special tokens, with the type id that the template gives.
  std::vector<TemplatePart> single;
  std::vector<TemplatePart> pair;
  TemplatePart cls;
  TemplatePart sep;
  bool trims = false;
  bool expects_added_space = false;

  std::size_t num_special_tokens(bool is_pair) const;
};

// The rows that the steps make of one text or two.
RowTemplate run_steps(const std::vector<PostStep>& steps, bool is_pair, bool add_special_tokens);

}  // namespace dure
