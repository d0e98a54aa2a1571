#include "dure/serialize.h"

#include <algorithm>
#include <utility>

namespace dure {
namespace {

[[noreturn]] void unknown(const char* section, const std::string& type, const char* known) {
  throw JsonError(std::string(section) + " of type '" + type + "' is not supported; known: " + known);
}

// A section of the file; null where it is absent or null.
const Json* section(const Json& document, const char* name) {
  const Json* found = document.find(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::vector<AddedToken> read_added_tokens(const Json& document) {
  std::vector<AddedToken> tokens;
  const Json* list = section(document, "added_tokens");
  if (list == nullptr) return tokens;
  for (const Json& item : document.array("added_tokens")) {
    AddedToken token;
    const std::int64_t id = item.number("id");
    if (id < 0 || id > INT32_MAX) throw JsonError("an added token has the id " + std::to_string(id));
    token.id = static_cast<std::int32_t>(id);
    token.content = item.text("content");
    token.is_special = item.flag_or("special", false);
    token.single_word = item.flag_or("single_word", false);
    token.lstrip = item.flag_or("lstrip", false);
    token.rstrip = item.flag_or("rstrip", false);
    token.normalized = item.flag_or("normalized", !token.is_special);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::optional<BertNormalizer> read_normalizer(const Json& document) {
  const Json* json = section(document, "normalizer");
  if (json == nullptr) return std::nullopt;
  if (json->text("type") != "BertNormalizer") unknown("a normalizer", json->text("type"), "BertNormalizer");
  BertNormalizer normalizer;
  normalizer.clean_text = json->flag_or("clean_text", true);
  normalizer.handle_chinese_chars = json->flag_or("handle_chinese_chars", true);
  normalizer.lowercase = json->flag_or("lowercase", true);
  // Not given: as BERT did it, accents go where case goes.
  normalizer.strip_accents = json->flag_or("strip_accents", normalizer.lowercase);
  return normalizer;
}

std::shared_ptr<const WordPiece> read_model(const Json& document) {
  const Json& json = document.at("model");
  const std::string type = json.text_or("type", "WordPiece");
  if (type != "WordPiece") unknown("a model", type, "WordPiece");
  const Json& vocabulary = json.at("vocab");
  if (vocabulary.type != Json::Type::kObject) throw JsonError("'vocab' must map tokens to ids");
  std::vector<std::pair<std::string, std::int64_t>> tokens;
  tokens.reserve(vocabulary.members.size());
  for (const auto& [token, id] : vocabulary.members) {
    if (id.type != Json::Type::kInteger) throw JsonError("the id of token '" + token + "' must be an integer");
    tokens.emplace_back(token, id.integer);
  }
  const std::int64_t max_chars = json.number_or("max_input_chars_per_word", 100);
  if (max_chars < 0) throw JsonError("'max_input_chars_per_word' must not be negative");
  return std::make_shared<const WordPiece>(Vocabulary(tokens), json.text_or("unk_token", "[UNK]"),
                                           json.text_or("continuing_subword_prefix", "##"),
                                           static_cast<std::uint32_t>(std::min<std::int64_t>(max_chars, UINT32_MAX)));
}

std::vector<std::int32_t> special_ids(const Json& specials, const std::string& name) {
  const Json* found = specials.find(name);
  if (found == nullptr) throw JsonError("the template uses the special token '" + name + "', which 'special_tokens' lacks");
  std::vector<std::int32_t> ids;
  for (const Json& id : found->array("ids")) ids.push_back(static_cast<std::int32_t>(id.integer));
  return ids;
}

std::vector<TemplatePart> read_template(const Json& json, const char* name) {
  std::vector<TemplatePart> parts;
  for (const Json& item : json.array(name)) {
    TemplatePart part;
    if (const Json* sequence = item.find("Sequence")) {
      part.sequence = sequence->text("id") == "A" ? 0 : 1;
      part.type_id = static_cast<std::int32_t>(sequence->number_or("type_id", 0));
    } else {
      const Json& special = item.at("SpecialToken");
      part.type_id = static_cast<std::int32_t>(special.number_or("type_id", 0));
      part.special_ids = special_ids(json.at("special_tokens"), special.text("id"));
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

TemplatePart special(const Json& json, const char* name, std::int32_t type_id) {
  const std::vector<Json>& pair = json.array(name);  // ["[SEP]", 102]
  if (pair.size() != 2) throw JsonError(std::string("'") + name + "' must be a token and its id");
  return {-1, type_id, {static_cast<std::int32_t>(pair[1].integer)}};
}

Template read_post_processor(const Json& document) {
  const Json* json = section(document, "post_processor");
  if (json == nullptr) return {{{0, 0, {}}}, {{0, 0, {}}, {1, 1, {}}}};
  const std::string& type = json->text("type");
  if (type == "TemplateProcessing") return {read_template(*json, "single"), read_template(*json, "pair")};
  if (type == "BertProcessing") {
    const TemplatePart cls = special(*json, "cls", 0);
    const TemplatePart sep = special(*json, "sep", 0);
    const TemplatePart last = special(*json, "sep", 1);
    return {{cls, {0, 0, {}}, sep}, {cls, {0, 0, {}}, sep, {1, 1, {}}, last}};
  }
  unknown("a post-processor", type, "TemplateProcessing, BertProcessing");
}

// A copy of the document in which two large lists, kept elsewhere, are left empty.
Json skeleton(const Json& document) {
  Json copy;
  copy.type = Json::Type::kObject;
  for (const auto& [name, value] : document.members) {
    if (name == "added_tokens") {
      copy.members.emplace_back(name, Json{});
    } else if (name == "model") {
      Json model;
      model.type = Json::Type::kObject;
      for (const auto& [key, part] : value.members) model.members.emplace_back(key, key == "vocab" ? Json{} : part);
      copy.members.emplace_back(name, std::move(model));
    } else {
      copy.members.emplace_back(name, value);
    }
  }
  return copy;
}

Json write_added_tokens(const std::vector<AddedToken>& tokens) {
  Json list;
  list.type = Json::Type::kArray;
  for (const AddedToken& token : tokens) {
    Json item;
    item.type = Json::Type::kObject;
    item.members = {{"id", json_integer(token.id)},
                    {"content", json_string(token.content)},
                    {"single_word", json_bool(token.single_word)},
                    {"lstrip", json_bool(token.lstrip)},
                    {"rstrip", json_bool(token.rstrip)},
                    {"normalized", json_bool(token.normalized)},
                    {"special", json_bool(token.is_special)}};
    list.items.push_back(std::move(item));
  }
  return list;
}

}  // namespace

Tokenizer tokenizer_from_json(std::string_view text) {
  const Json document = parse_json(text);
  if (document.type != Json::Type::kObject) throw JsonError("a tokenizer must be a JSON object");
  TokenizerParts parts;
  parts.added_tokens = read_added_tokens(document);
  std::stable_sort(parts.added_tokens.begin(), parts.added_tokens.end(),
                   [](const AddedToken& left, const AddedToken& right) { return left.id < right.id; });
  parts.normalizer = read_normalizer(document);
  if (const Json* json = section(document, "pre_tokenizer")) {
    if (json->text("type") != "BertPreTokenizer") unknown("a pre-tokenizer", json->text("type"), "BertPreTokenizer");
    parts.splits_bert_words = true;
  }
  parts.model = read_model(document);
  parts.post_processor = read_post_processor(document);
  if (const Json* json = section(document, "decoder")) {
    if (json->text("type") != "WordPiece") unknown("a decoder", json->text("type"), "WordPiece");
    parts.has_decoder = true;
    parts.decoder_prefix = json->text_or("prefix", "##");
    parts.decoder_cleanup = json->flag_or("cleanup", true);
  }
  parts.document = skeleton(document);
  return Tokenizer(std::move(parts));
}

std::string tokenizer_to_json(const Tokenizer& tokenizer) {
  Json document = tokenizer.parts().document;
  bool has_added_tokens = false;
  for (auto& [name, value] : document.members) {
    if (name == "added_tokens") {
      value = write_added_tokens(tokenizer.parts().added_tokens);
      has_added_tokens = true;
    } else if (name == "model") {
      for (auto& [key, part] : value.members) {
        if (key != "vocab") continue;
        part.type = Json::Type::kObject;
        for (const auto& [token, id] : tokenizer.parts().model->vocabulary().sorted()) {
          part.members.emplace_back(token, json_integer(id));
        }
      }
    }
  }
  if (!has_added_tokens) document.members.emplace_back("added_tokens", write_added_tokens(tokenizer.parts().added_tokens));
  return dump_json(document);
}

}  // namespace dure
