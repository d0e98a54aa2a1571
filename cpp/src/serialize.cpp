#include "dure/serialize.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "dure/json.h"
#include "dure/pre_tokenizer.h"

namespace dure {
namespace {

std::vector<AddedToken> read_added_tokens(const Json& document) {
  std::vector<AddedToken> tokens;
  const Json* list = document.find("added_tokens");
  if (list == nullptr || list->is_null()) return tokens;
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
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const AddedToken& left, const AddedToken& right) { return left.id < right.id; });
  // The same content again is the same token added again; of a file, the original looks at special tokens first.
  std::unordered_map<std::string_view, AddedToken*> known;
  for (AddedToken& token : tokens) {
    const auto [found, is_new] = known.emplace(token.content, &token);
    if (is_new || found->second->id != token.id) continue;
    if (token.is_special && !found->second->is_left_out()) {
      *found->second = token;
    } else {
      found->second->add_again(token);
    }
    token.id = -1;
  }
  known.clear();
  std::erase_if(tokens, [](const AddedToken& token) { return token.id < 0; });
  return tokens;
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

// BPE over the characters that stand for bytes works as well on the bytes themselves.
bool takes_bytes(const Json& model) {
  const Json* merges = model.find("merges");
  return model.text_or("type", merges != nullptr && !merges->is_null() ? "BPE" : "") == "BPE";
}

}  // namespace

Tokenizer tokenizer_from_json(std::string_view text) {
  const Json document = parse_json(text);
  if (document.type != Json::Type::kObject) throw JsonError("a tokenizer must be a JSON object");
  TokenizerParts parts;
  parts.source = std::make_shared<const std::string>(text);
  parts.added_tokens = read_added_tokens(document);
  const Json* pre_tokenizer = document.find("pre_tokenizer");
  const Json& model = document.at("model");
  parts.takes_bytes = ends_in_byte_level(pre_tokenizer) && takes_bytes(model);
  parts.normalizer = normalizer_from_json(document.find("normalizer"));
  parts.pre_tokenizer = pre_tokenizer_from_json(pre_tokenizer, {parts.takes_bytes});
  parts.model = model_from_json(model, {parts.takes_bytes});
  parts.post_processor = post_processor_from_json(document.find("post_processor"));
  parts.decoder = decoder_from_json(document.find("decoder"));
  return Tokenizer(std::move(parts));
}

std::string tokenizer_to_json(const Tokenizer& tokenizer) {
  Json document = parse_json(*tokenizer.parts().source);
  Json tokens = write_added_tokens(tokenizer.parts().added_tokens);
  for (auto& [name, value] : document.members) {
    if (name == "added_tokens") {
      value = std::move(tokens);
      return dump_json(document);
    }
  }
  document.members.emplace_back("added_tokens", std::move(tokens));
  return dump_json(document);
}

}  // namespace dure
