// WordLevel: a word is a token or unknown.
#include "dure/model.h"

namespace dure {
namespace {

class WordLevel : public Model {
 public:
  WordLevel(Vocabulary vocabulary, std::string unk_token) : unk_token_(std::move(unk_token)) {
    vocabulary_ = std::move(vocabulary);
    unk_id_ = vocabulary_.find(unk_token_);
  }

  void tokenize(std::string_view word, ModelScratch&, std::vector<Piece>& out) const override {
    std::int32_t id = vocabulary_.find(word);
    if (id < 0) id = unk_id_;
    if (id < 0) throw_missing_unknown(unk_token_);
    out.push_back({id, 0, static_cast<std::uint32_t>(word.size())});
  }

  Json to_json() const override {
    Json json;
    json.type = Json::Type::kObject;
    json.members.emplace_back("type", json_string("WordLevel"));
    json.members.emplace_back("vocab", vocabulary_to_json(vocabulary_));
    json.members.emplace_back("unk_token", json_string(unk_token_));
    return json;
  }

 private:
  std::string unk_token_;
  std::int32_t unk_id_ = -1;
};

}  // namespace

std::unique_ptr<const Model> make_word_level(const Json& json) {
  return std::make_unique<const WordLevel>(read_vocabulary(json), json.text_or("unk_token", "<unk>"));
}

}  // namespace dure
