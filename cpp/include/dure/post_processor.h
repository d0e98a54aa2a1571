// Post-processing: special tokens around one text or two, and offsets that leave out the spaces of byte-level tokens.
// `TemplateProcessing`, `BertProcessing`, `RobertaProcessing`, `ByteLevel`, `Sequence` in tokenizer.json.
//
// A row is written by walking `parts(is_pair, add_special_tokens)`. Where truncation cut a text into several ranges,
// `row_ranges` says which range each part shows in each row. Offsets are narrowed as a range is written:
//
//   // spaces[i]: count_spaces of the token's text, computed once per vocabulary or once per token
//   span = processor.trim(span, spaces[i], i == range.begin);
//
// A token's text is the vocabulary's token; for an added token it's the stretch of text that it covers, with the white
// space that lstrip and rstrip took along.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dure/json.h"
#include "dure/text.h"

namespace dure {

// A place in a template: the first text (0), the second (1), or special tokens (-1).
struct TemplatePart {
  std::int32_t sequence = -1;
  std::int32_t type_id = 0;
  // The type of a text's tokens where they are not its first range but what truncation cut off: the original gives
  // those 0 for the first text and 1 for the second, whatever the template says.
  std::int32_t overflow_type_id = 0;
  // What `sequence_ids` say of the tokens: `sequence`, or -1 where the same text comes again further on, because the
  // original knows one place per text.
  std::int32_t sequence_id = -1;
  std::vector<std::int32_t> special_ids;
};

// White space at the ends of a token's text, in characters.
struct TokenSpaces {
  std::uint32_t leading_chars = 0;
  std::uint32_t trailing_chars = 0;
};

struct PostProcessor {
  std::vector<TemplatePart> single;
  std::vector<TemplatePart> pair;
  // The same without special tokens.
  std::vector<TemplatePart> bare_single;
  std::vector<TemplatePart> bare_pair;
  // One entry per step that narrows offsets to what lies between spaces (ByteLevel, RobertaProcessing): true where the
  // step expects that the pre-tokenizer added a space in front, so that the first token keeps its start.
  std::vector<bool> trims;

  const std::vector<TemplatePart>& parts(bool is_pair, bool add_special_tokens) const {
    if (add_special_tokens) return is_pair ? pair : single;
    return is_pair ? bare_pair : bare_single;
  }
  std::uint32_t num_special_tokens(bool is_pair) const;
  bool trims_offsets() const { return !trims.empty(); }
  // The place of a token without the spaces around it. `is_first`: the first token of its range in this row.
  Span trim(Span span, TokenSpaces spaces, bool is_first) const;
};

// `is_bytes`: the token is raw bytes (see `takes_bytes` in tokenizer.h), not the characters that stand for them.
TokenSpaces count_spaces(std::string_view token, bool is_bytes);

// Which range of its text each part of a template shows in each row.
struct RowRanges {
  std::size_t num_rows = 1;
  std::vector<std::uint32_t> ranges;  // of row r: parts.size() numbers from r * parts.size() on; special tokens have 0
};

// The rows of a text (and its pair) that truncation cut into `num_first` and `num_second` ranges. The first row has
// first ranges only; the others are the overflow, in the original's order. Throws std::invalid_argument where a
// template that repeats a text, or a pair of very long ones, would fill millions of rows.
RowRanges row_ranges(const std::vector<TemplatePart>& parts, std::uint32_t num_first, std::uint32_t num_second);

// From a section of tokenizer.json; null or absent: texts stand alone, the second one after the first with type id 1.
// The places of a template are objects ({"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {...}}) or strings as
// in the original's constructor ("$A:0", "[CLS]"); so may be the whole ("[CLS] $A [SEP]").
PostProcessor post_processor_from_json(const Json* json);

}  // namespace dure
