#include <string>
#include <vector>

#include "check.h"
#include "dure/model.h"
#include "dure/serialize.h"
#include "dure/trainer.h"
#include "small_tokenizers.h"

namespace dure {
namespace {

const std::vector<std::string_view> kCorpus = {
    "the cat sat on the mat", "the cats sit on that mat", "한국어 문장 하나", "한국어 문장 둘, 한국", "a a a b b",
    "cat cat cats, matting",  "",
};

const char* const kTrainers[] = {
    R"({"type":"BpeTrainer","vocab_size":60,"min_frequency":0,"special_tokens":["<unk>"]})",
    R"({"type":"WordPieceTrainer","vocab_size":70,"min_frequency":0,"special_tokens":["<unk>"],)"
    R"("continuing_subword_prefix":"##"})",
    R"({"type":"UnigramTrainer","vocab_size":40,"special_tokens":["<unk>"],"unk_token":"<unk>"})",
    R"({"type":"WordLevelTrainer","vocab_size":20,"min_frequency":1,"special_tokens":["<unk>"]})",
};

std::string trained(const Json& trainer, std::size_t budget_bytes, unsigned num_threads) {
  const Json spaces = parse_json(R"({"type":"WhitespaceSplit"})");
  Feeder feeder(nullptr, pre_tokenizer_from_json(&spaces), budget_bytes, num_threads);
  feeder.feed(kCorpus);
  feeder.feed(kCorpus);
  return train(trainer, feeder.finish(), {}, num_threads);
}

// Under the address sanitizer this is also the search for leaks: train, read, encode, decode, again and again.
TEST(training_gives_the_same_model_on_any_number_of_threads_and_with_any_memory) {
  for (const char* settings : kTrainers) {
    const Json trainer = parse_json(settings);
    const std::string model = trained(trainer, std::size_t{1} << 26, 1);
    for (int round = 0; round < 5; ++round) {
      CHECK(trained(trainer, 1, 3) == model);
      const Tokenizer tokenizer = tokenizer_from_json(
          test::tokenizer_json("null", R"({"type":"WhitespaceSplit"})", model, "null", "null"));
      const std::vector<Input> inputs(kCorpus.begin(), kCorpus.end());
      const Encodings encodings = tokenizer.encode(inputs, {}, {}, 2);
      CHECK(encodings.num_rows() == kCorpus.size());
      tokenizer.decode_batch({encodings.ids.begin(), encodings.ids.end()}, encodings.row_starts, false, 2);
    }
  }
}

TEST(training_can_be_stopped) {
  const Json trainer = parse_json(kTrainers[0]);
  WordCounter words(std::size_t{1} << 20, "");
  words.add("abc", 3);
  const auto stopped = [&] {
    train(trainer, std::move(words), [](std::string_view, std::uint64_t, std::uint64_t) { return false; }, 1);
  };
  bool has_thrown = false;
  try {
    stopped();
  } catch (const std::exception&) {
    has_thrown = true;
  }
  CHECK(has_thrown);
}

}  // namespace
}  // namespace dure
