// Post-processing: special tokens around one text or two, and offsets that leave out the spaces of byte-level tokens.
// `TemplateProcessing`, `BertProcessing`, `RobertaProcessing`, `ByteLevel`, `Sequence` in tokenizer.json.
//
// A row is written by walking `rows(is_pair, add_special_tokens).parts`. Where truncation cut a text into several ranges,
// `row_ranges` says which range each part shows in each row. Offsets are narrowed as a range is written:
//
//   // spaces[i]: count_spaces of the token's text, computed once per vocabulary or once per token
//   span = trim(part.trims, span, spaces[i], i == range.begin);
//
// A token's text is the vocabulary's token; for an added token it's the stretch of text that it covers, with the white
// space that lstrip and rstrip took along.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dure/json.h"
#include "dure/text.h"

namespace dure {

// A step that narrows offsets to what lies between spaces (ByteLevel, RobertaProcessing).
struct OffsetTrim {
  bool expects_added_space;  // the pre-tokenizer added a space in front, so the first token keeps its start
  bool is_head;              // false: special tokens stand before the text already, so its first token isn't the first
};

// A place in a row: the first text (0), the second (1), or special tokens (-1).
struct TemplatePart {
  std::int32_t sequence = -1;
  std::int32_t type_id = 0;
  // The type of tokens where a row doesn't show the first range of the text, but what truncation cut off: the original
  // gives 0 for the first text and 1 for the second, whatever the template says.
  std::int32_t overflow_type_id = 0;
  std::vector<std::int32_t> special_ids;
  std::vector<std::string> special_names;  // what they are called, one name per id; or none
  bool shows_names = false;  // a tokenizer found that its vocabulary has other names for these ids
  bool is_masked = true;         // special tokens count as special; not where a later step took them for text
  std::int32_t text_place = -1;  // the place of the text that these tokens go with through overflow; -1: none
  std::vector<OffsetTrim> trims;  // of a text: each step that narrows its offsets
};

// White space at the ends of a token's text, in characters.
struct TokenSpaces {
  std::uint32_t leading_chars = 0;
  std::uint32_t trailing_chars = 0;
};

// Sequence ids, and the places [begin, end) whose tokens have them.
using PlaceLabels = std::map<std::int32_t, std::pair<std::size_t, std::size_t>>;

// The places of a row.
struct RowTemplate {
  // Places that came from one encoding of the original's, which says what `sequence_ids` are.
  struct Item {
    std::size_t begin;
    std::int32_t text_place;
    PlaceLabels labels;
    PlaceLabels overflow_labels;
  };

  std::vector<TemplatePart> parts;
  std::vector<Item> items;
  // The sequence id of each part in a row that shows the first range of each text, -1: none. The original knows one
  // place per text: the last one.
  std::vector<std::int32_t> labels;
  bool labels_vary = false;  // rows of the overflow may have others
  std::string failure;       // why there can't be such rows; empty: there can

  // The labels of a row whose parts show `ranges` (null: the first ones).
  std::vector<std::int32_t> labels_of(const std::uint32_t* ranges) const;
};

struct PostProcessor {
  RowTemplate single;
  RowTemplate pair;
  // The same without special tokens.
  RowTemplate bare_single;
  RowTemplate bare_pair;
  // How many special tokens truncation leaves room for.
  std::uint32_t num_special_single = 0;
  std::uint32_t num_special_pair = 0;

  // Throws std::invalid_argument where the steps of a Sequence can't follow each other.
  const RowTemplate& rows(bool is_pair, bool add_special_tokens) const;
  std::uint32_t num_special_tokens(bool is_pair) const { return is_pair ? num_special_pair : num_special_single; }
};

// The place of a token without the spaces around it. `is_first`: the first token of its range in this row.
Span trim(const std::vector<OffsetTrim>& steps, Span span, TokenSpaces spaces, bool is_first);

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
