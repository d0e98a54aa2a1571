// Any small corpus and settings: training is refused with one sentence, or gives the same model on one thread and on
// three, counted in memory or spilled to files; and the model reads.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "dure/decoder.h"
#include "dure/model.h"
#include "dure/trainer.h"

namespace {

// The settings' numbers come from four bytes, so that the fuzzer reaches all of them.
std::string settings(const std::uint8_t* bytes) {
  const char* kTypes[] = {"BpeTrainer", "WordPieceTrainer", "UnigramTrainer", "WordLevelTrainer"};
  const std::string type = kTypes[bytes[0] % 4];
  std::string json = R"({"type":")" + type + R"(","show_progress":false,"vocab_size":)" + std::to_string(bytes[1]);
  json += R"(,"special_tokens":)";
  json += (bytes[2] & 1) != 0 ? R"(["<unk>","a"])" : "[]";
  if (type == "UnigramTrainer") {
    json += R"(,"shrinking_factor":0.75,"max_piece_length":)" + std::to_string(bytes[3] % 20);
    json += R"(,"n_sub_iterations":)" + std::to_string((bytes[2] >> 1) % 4) + R"(,"seed_size":)";
    json += std::to_string(bytes[3] * 10);
    json += (bytes[2] & 1) != 0 ? R"(,"unk_token":"<unk>")" : "";
    json += R"(,"initial_alphabet":[])";
  } else {
    json += R"(,"min_frequency":)" + std::to_string((bytes[2] >> 1) % 4);
    if (type != "WordLevelTrainer") {
      json += (bytes[2] & 8) != 0 ? R"(,"continuing_subword_prefix":"##")" : "";
      json += (bytes[2] & 16) != 0 ? R"(,"end_of_word_suffix":"</w>")" : "";
      json += (bytes[2] & 32) != 0 ? R"(,"limit_alphabet":)" + std::to_string(bytes[3] % 8) : "";
      json += (bytes[2] & 64) != 0 ? R"(,"initial_alphabet":["z","한"])" : "";
      json += (bytes[2] & 128) != 0 && type == "BpeTrainer" ? R"(,"max_token_length":)" + std::to_string(bytes[3]) : "";
    }
  }
  return json + "}";
}

// What training gives, or the sentence that refuses it.
std::string train(const dure::Json& trainer, const std::string& corpus, std::size_t budget_bytes, unsigned threads) {
  const dure::Json steps = dure::parse_json(R"({"type":"Whitespace"})");
  try {
    dure::Feeder feeder(nullptr, dure::pre_tokenizer_from_json(&steps), budget_bytes, threads);
    std::vector<std::string_view> lines;
    for (std::size_t begin = 0; begin <= corpus.size();) {
      const std::size_t end = std::min(corpus.find('\n', begin), corpus.size());
      lines.push_back(std::string_view(corpus).substr(begin, end - begin));
      begin = end + 1;
    }
    feeder.feed(lines);
    return dure::train(trainer, feeder.finish(), {}, threads);
  } catch (const std::invalid_argument& error) {
    return std::string("refused: ") + error.what();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4 || size > 4096) return 0;
  const dure::Json trainer = dure::parse_json(settings(data));
  const std::string corpus = dure::repair_utf8({reinterpret_cast<const char*>(data) + 4, size - 4});
  const std::string model = train(trainer, corpus, std::size_t{1} << 24, 1);
  if (train(trainer, corpus, 1, 3) != model) std::abort();
  if (model.starts_with("refused: ")) return 0;
  const auto read = dure::model_from_json(dure::parse_json(model));
  const auto scratch = read->make_scratch();
  std::vector<dure::Piece> pieces;
  try {
    read->tokenize(corpus, *scratch, pieces);
  } catch (const std::invalid_argument&) {  // a model without an unknown token may refuse a word
  }
  return 0;
}
