// Any ids, decoded by small tokenizers of every kind: a batch decodes as its rows do, and always to UTF-8.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "dure/serialize.h"
#include "small_tokenizers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto tokenizers = [] {
    std::vector<std::unique_ptr<const dure::Tokenizer>> out;
    for (const std::string& json : dure::test::small_tokenizers()) {
      out.push_back(std::make_unique<const dure::Tokenizer>(dure::tokenizer_from_json(json)));
    }
    return out;
  }();
  if (size < 1) return 0;
  const dure::Tokenizer& tokenizer = *tokenizers[data[0] % tokenizers.size()];
  const bool skips = data[0] >= 128;
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> row_starts{0};
  for (std::size_t at = 1; at + 1 < size; at += 2) {
    // Mostly small numbers; 0xFF before them ends a row or makes a wild one.
    std::int64_t id = data[at] * 2 + (data[at + 1] & 1);
    if (data[at] == 0xFF && data[at + 1] < 128) row_starts.push_back(static_cast<std::int64_t>(ids.size()));
    if (data[at] == 0xFF && at + 10 < size) {
      std::memcpy(&id, data + at + 2, sizeof(id));
      at += sizeof(id);
    }
    ids.push_back(id);
  }
  row_starts.push_back(static_cast<std::int64_t>(ids.size()));
  const std::vector<std::string> texts = tokenizer.decode_batch(ids, row_starts, skips, 1);
  for (std::size_t row = 0; row < texts.size(); ++row) {
    const auto count = static_cast<std::size_t>(row_starts[row + 1] - row_starts[row]);
    if (tokenizer.decode(ids.data() + row_starts[row], count, skips) != texts[row]) std::abort();
    if (!dure::is_utf8(texts[row])) std::abort();
  }
  for (const std::int64_t id : ids) {
    if (tokenizer.id_to_token(id).data() != nullptr && id < 0) std::abort();
  }
  return 0;
}
