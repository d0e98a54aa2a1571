// The original hands a list of encodings from step to step: at first the texts, later what the last step made of them,
// be it texts, special tokens or both glued together. At the end they are joined. We hand on lists of places.
#include "post_processor_steps.h"

#include <algorithm>

namespace dure {
namespace {

// What the original calls an encoding: places that belong together. At most one of them is a text.
struct Item {
  std::vector<TemplatePart> parts;
  PlaceLabels labels;           // of the first range of its text
  PlaceLabels overflow_labels;  // of the other ranges

  std::size_t size() const { return parts.size(); }
  void label(std::int32_t sequence) { labels[sequence] = {0, size()}; }
  void set_type_id(std::int32_t type_id) {
    for (TemplatePart& part : parts) part.type_id = type_id;
  }
  void set_overflow_type_id(std::int32_t type_id) {
    for (TemplatePart& part : parts) part.overflow_type_id = type_id;
  }
};

using Items = std::vector<Item>;

Item text_item(std::int32_t sequence) {
  Item item;
  item.parts.resize(1);
  item.parts[0].sequence = sequence;
  item.parts[0].type_id = item.parts[0].overflow_type_id = sequence;
  item.label(sequence);
  item.overflow_labels = item.labels;
  return item;
}

void trim(Items& items, bool expects_added_space) {
  for (Item& item : items) {
    bool is_head = true;  // nothing of the item stands before the text
    for (TemplatePart& part : item.parts) {
      if (part.sequence >= 0) part.trims.push_back({expects_added_space, is_head});
      is_head = is_head && part.sequence < 0 && part.special_ids.empty();
    }
  }
}

// Puts special tokens around an item, which from then on counts as text throughout.
void wrap(Item& item, std::int32_t sequence, const std::vector<TemplatePart>& before, const TemplatePart& after) {
  for (TemplatePart& part : item.parts) part.is_masked = false;
  const PlaceLabels labels = {{sequence, {before.size(), before.size() + item.size()}}};
  item.parts.insert(item.parts.begin(), before.begin(), before.end());
  item.parts.push_back(after);
  item.labels = item.overflow_labels = labels;
}

void run_bert(const PostStep& step, Items& items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    TemplatePart sep = step.sep;
    sep.type_id = sep.overflow_type_id = i == 0 ? 0 : 1;
    wrap(items[i], i == 0 ? 0 : 1, i == 0 ? std::vector{step.cls} : std::vector<TemplatePart>{}, sep);
  }
}

void run_roberta(const PostStep& step, bool is_adding, Items& items) {
  if (step.trims) trim(items, step.expects_added_space);
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].set_type_id(0);
    if (!is_adding) continue;  // the original forgets that every type is 0 where it comes to overflow
    items[i].set_overflow_type_id(0);
    wrap(items[i], i == 0 ? 0 : 1, {i == 0 ? step.cls : step.sep}, step.sep);
  }
}

void run_template(const PostStep& step, bool is_adding, Items& items) {
  Items made;
  for (const TemplatePart& place : items.size() == 2 ? step.pair : step.single) {
    if (place.sequence < 0) {
      if (!is_adding) continue;
      made.emplace_back();
      made.back().parts.push_back(place);
      continue;
    }
    Item& item = items[static_cast<std::size_t>(place.sequence)];
    item.set_type_id(place.type_id);
    item.label(place.sequence);
    made.push_back(item);
  }
  items = std::move(made);
}

RowTemplate join(const Items& items) {
  RowTemplate row;
  for (const Item& item : items) {
    const auto begin = row.parts.size();
    row.parts.insert(row.parts.end(), item.parts.begin(), item.parts.end());
    std::int32_t text = -1;
    for (std::size_t i = begin; i < row.parts.size(); ++i) {
      if (row.parts[i].sequence >= 0) text = static_cast<std::int32_t>(i);
    }
    for (std::size_t i = begin; i < row.parts.size(); ++i) row.parts[i].text_place = text;
    row.items.push_back({begin, text, item.labels, item.overflow_labels});
    row.labels_vary |= item.labels != item.overflow_labels;
  }
  row.labels = row.labels_of(nullptr);
  return row;
}

}  // namespace

std::size_t PostStep::num_special_tokens(bool is_pair) const {
  if (kind == Kind::kBert) return is_pair ? 3 : 2;
  if (kind == Kind::kRoberta) return is_pair ? 4 : 2;
  std::size_t count = 0;
  for (const TemplatePart& part : is_pair ? pair : single) count += part.special_ids.size();
  return count;
}

RowTemplate run_steps(const std::vector<PostStep>& steps, bool is_pair, bool add_special_tokens) {
  Items items;
  for (std::int32_t sequence = 0; sequence < (is_pair ? 2 : 1); ++sequence) items.push_back(text_item(sequence));
  for (const PostStep& step : steps) {
    if (step.kind == PostStep::Kind::kTemplate) {
      if (items.empty() || items.size() > 2) {
        RowTemplate row;
        row.failure = "the post-processor can't be used for " + std::string(is_pair ? "two texts" : "one text") +
                      ": a TemplateProcessing of its Sequence takes one text or two, but the steps before it made " +
                      std::to_string(items.size()) + " parts; write them as one TemplateProcessing";
        return row;
      }
      run_template(step, add_special_tokens, items);
    } else if (step.kind == PostStep::Kind::kRoberta) {
      run_roberta(step, add_special_tokens, items);
    } else if (step.kind == PostStep::Kind::kBert) {
      if (add_special_tokens) run_bert(step, items);
    } else {
      if (step.trims) trim(items, step.expects_added_space);
      for (std::size_t i = 0; i < items.size(); ++i) items[i].label(static_cast<std::int32_t>(i));
    }
  }
  return join(items);
}

}  // namespace dure
