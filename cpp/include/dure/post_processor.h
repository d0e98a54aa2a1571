// Post-processing: special tokens around one text or two (`TemplateProcessing`, `BertProcessing` in tokenizer.json).
#pragma once

#include <cstdint>
#include <vector>

namespace dure {

// A place in a template: the first text (0), the second (1), or special tokens (-1).
struct TemplatePart {
  std::int32_t sequence = -1;
  std::int32_t type_id = 0;
  std::vector<std::int32_t> special_ids;
};

struct Template {
  std::vector<TemplatePart> single;
  std::vector<TemplatePart> pair;

  std::uint32_t num_special_tokens(bool is_pair) const {
    std::size_t count = 0;
    for (const TemplatePart& part : is_pair ? pair : single) count += part.special_ids.size();
    return static_cast<std::uint32_t>(count);
  }
};

}  // namespace dure
