// Which model a section of tokenizer.json describes, and what all models share.
#include "dure/model.h"

#include <stdexcept>

namespace dure {
namespace {

constexpr const char* kKnown = "BPE, Unigram, WordLevel, WordPiece";

// Files older than the member "type": the first kind whose members are all there, in the original's order.
std::string infer_type(const Json& json) {
  const Json* vocab = json.find("vocab");
  if (vocab == nullptr) return "";
  if (vocab->type == Json::Type::kArray) return "Unigram";
  if (json.find("merges") != nullptr) return "BPE";
  if (json.find("unk_token") == nullptr) return "";
  const bool has_prefix = json.find("continuing_subword_prefix") != nullptr;
  return has_prefix && json.find("max_input_chars_per_word") != nullptr ? "WordPiece" : "WordLevel";
}

}  // namespace

std::unique_ptr<const Model> model_from_json(const Json& json, ModelOptions options) {
  if (json.type != Json::Type::kObject) throw JsonError("'model' must be an object");
  const std::string type = json.find("type") == nullptr ? infer_type(json) : json.text("type");
  if (type == "BPE") return make_bpe(json, options);
  if (type == "Unigram") return make_unigram(json);
  if (type == "WordLevel") return make_word_level(json);
  if (type == "WordPiece") return make_wordpiece(json);
  if (type.empty()) throw JsonError(std::string("'model' has no 'type'; known: ") + kKnown);
  throw JsonError("a model of type '" + type + "' is not supported; known: " + kKnown);
}

Vocabulary read_vocabulary(const Json& json) {
  const Json& map = json.at("vocab");
  if (map.type != Json::Type::kObject) throw JsonError("'vocab' must map tokens to ids");
  std::size_t size_bytes = 0;
  for (const auto& [token, id] : map.members) size_bytes += token.size();
  Vocabulary vocabulary;
  vocabulary.reserve(map.members.size(), size_bytes);
  for (const auto& [token, id] : map.members) {
    if (id.type != Json::Type::kInteger) throw JsonError("the id of the token '" + token + "' must be an integer");
    if (vocabulary.add(token, id.integer)) continue;
    for (const auto& [other, other_id] : map.members) {
      if (&other == &token) break;
      if (other == token) throw JsonError("the token '" + token + "' stands twice in the vocabulary; leave one out");
      if (other_id.integer != id.integer) continue;
      throw JsonError("the tokens '" + other + "' and '" + token + "' have the same id " + std::to_string(id.integer) +
                      "; each needs its own");
    }
  }
  return vocabulary;
}

Json vocabulary_to_json(const Vocabulary& vocabulary) {
  Json map;
  map.type = Json::Type::kObject;
  for (const auto& [token, id] : vocabulary.sorted()) map.members.emplace_back(token, json_integer(id));
  return map;
}

std::string byte_token(unsigned char byte) {
  constexpr char kHex[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
}

std::vector<std::int32_t> byte_token_ids(const Vocabulary& vocabulary) {
  std::vector<std::int32_t> ids(256);
  for (unsigned byte = 0; byte < 256; ++byte) ids[byte] = vocabulary.find(byte_token(static_cast<unsigned char>(byte)));
  return ids;
}

void throw_missing_unknown(const std::string& unk_token) {
  throw std::invalid_argument("the vocabulary doesn't know all of a word, and the unknown token '" + unk_token +
                              "' isn't in it either; add that token");
}

}  // namespace dure
