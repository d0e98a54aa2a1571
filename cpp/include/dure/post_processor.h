// Post-processing: special tokens around one text or two, and offsets that leave out the spaces of byte-level tokens.
// `TemplateProcessing`, `BertProcessing`, `RobertaProcessing`, `ByteLevel`, `Sequence` in tokenizer.json.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dure/json.h"

namespace dure {

// A place in a template: the first text (0), the second (1), or special tokens (-1).
struct TemplatePart {
  std::int32_t sequence = -1;
  std::int32_t type_id = 0;
  std::vector<std::int32_t> special_ids;
};

struct PostProcessor {
  std::vector<TemplatePart> single;
  std::vector<TemplatePart> pair;
  // Offsets of tokens that begin or end with spaces are narrowed to what lies between (ByteLevel and RobertaProcessing).
  bool trims_offsets = false;
  // A leading space may be one that the pre-tokenizer added: the text has none there, so the first token keeps its start.
  bool expects_added_space = false;

  std::uint32_t num_special_tokens(bool is_pair) const;
};

// From a section of tokenizer.json; null or absent: texts stand alone, the second one after the first with type id 1.
PostProcessor post_processor_from_json(const Json* json);

}  // namespace dure
