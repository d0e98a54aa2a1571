// WordLevel: the most frequent words are the vocabulary.
#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <unordered_map>

#include "trainer_settings.h"

namespace dure {

std::string train_word_level(const Json& trainer, WordCounter& words, const TrainProgress& progress) {
  const TrainerSettings settings = read_trainer_settings(trainer);
  const WordList list = list_words(words);
  ProgressReport report(progress, "Sort words", list.size());
  std::vector<std::size_t> order(list.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Words are in order already, so a stable sort leaves equal counts in order of their bytes.
  std::stable_sort(order.begin(), order.end(),
                   [&list](std::size_t a, std::size_t b) { return list.counts[a] > list.counts[b]; });

  std::vector<std::string_view> tokens;
  std::unordered_map<std::string_view, std::size_t> ids;
  const auto add = [&](std::string_view token) {
    if (tokens.size() >= settings.vocab_size) return false;
    ids[token] = tokens.size();
    tokens.push_back(token);
    return true;
  };
  for (const std::string& token : settings.special_tokens) add(token);
  for (const std::size_t i : order) {
    if (list.counts[i] >= settings.min_frequency && !add(list.word(i))) break;
  }
  report.finish();

  ModelWriter model("WordLevel");
  model.open("vocab", '{');
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    // A word that is a special token too has the later id, as in the original; the earlier one stays a hole.
    if (ids[tokens[id]] == id) model.member(tokens[id], id);
  }
  model.close('}');
  model.add("unk_token", json_string("<unk>"));
  return model.finish();
}

}  // namespace dure
