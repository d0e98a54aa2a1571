// Any bytes as tokenizer.json: it's refused with one sentence, or it reads, works and writes itself.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "dure/serialize.h"

namespace {

void use(const dure::Tokenizer& tokenizer) {
  using namespace std::string_view_literals;
  const dure::Input texts[] = {{"Hello, world! ab abc  <s> [MASK] \u0120"sv, nullptr},
                               {"한국어 e\u0301 \u3000😀 \0 1 22"sv, nullptr},
                               {""sv, nullptr}};
  dure::EncodeOptions options;
  for (const std::uint32_t max_length : {0U, 9U}) {
    options.truncation.max_length = max_length;
    options.truncation.stride = max_length / 4;
    options.overflow = true;
    try {
      const std::vector<dure::Input> inputs(std::begin(texts), std::end(texts));
      const dure::Encodings encodings = tokenizer.encode(inputs, inputs, options, 1);
      tokenizer.decode_batch({encodings.ids.begin(), encodings.ids.end()}, encodings.row_starts, false, 1);
      const std::vector<std::int64_t> ids(encodings.ids.begin(), encodings.ids.end());
      tokenizer.decode(ids.data(), ids.size(), true);
    } catch (const std::invalid_argument&) {  // a max_length below the special tokens, a word that nothing stands for
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  std::string written;
  try {
    const dure::Tokenizer tokenizer = dure::tokenizer_from_json(json);
    use(tokenizer);
    written = dure::tokenizer_to_json(tokenizer);
  } catch (const std::invalid_argument& error) {
    if (error.what()[0] == '\0') std::abort();
    return 0;
  }
  // What was written must read: nothing is caught here. It need not be written the same again: numbers are read as the
  // original reads them, which may move the last digit.
  dure::tokenizer_from_json(written);
  return 0;
}
