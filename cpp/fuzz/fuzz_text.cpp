// Any text under small tokenizers of every kind: memory, threads and columns change no result; what comes out is sane.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "dure/serialize.h"
#include "small_tokenizers.h"

namespace {

const std::vector<std::unique_ptr<const dure::Tokenizer>>& tokenizers() {
  static const auto all = [] {
    std::vector<std::unique_ptr<const dure::Tokenizer>> out;
    for (const std::string& json : dure::test::small_tokenizers()) {
      out.push_back(std::make_unique<const dure::Tokenizer>(dure::tokenizer_from_json(json)));
    }
    return out;
  }();
  return all;
}

void require(bool condition, const char* what) {
  if (condition) return;
  std::cerr << "property broken: " << what << '\n';
  std::abort();
}

bool is_same(const dure::Encodings& left, const dure::Encodings& right) {
  const auto is_same_span = [](dure::Span a, dure::Span b) {
    return a.begin_chars == b.begin_chars && a.end_chars == b.end_chars;
  };
  return left.row_starts == right.row_starts && left.ids == right.ids && left.type_ids == right.type_ids &&
         left.word_ids == right.word_ids && left.special_tokens_mask == right.special_tokens_mask &&
         left.surfaces == right.surfaces &&
         std::equal(left.offsets.begin(), left.offsets.end(), right.offsets.begin(), right.offsets.end(), is_same_span);
}

void check_text(const dure::Tokenizer& tokenizer, const std::string& text, const std::string& other) {
  const std::vector<dure::Input> texts = {{text, nullptr}, {other, nullptr}, {text, nullptr}};
  dure::EncodeOptions options;
  const dure::Encodings first = tokenizer.encode(texts, {}, options, 1);
  require(is_same(first, tokenizer.encode(texts, {}, options, 1)), "the same text again");
  options.uses_memory = false;
  require(is_same(first, tokenizer.encode(texts, {}, options, 1)), "without memory");
  options.columns = 0;
  require(tokenizer.encode(texts, {}, options, 1).ids == first.ids, "without columns");
  options.uses_memory = true;
  require(tokenizer.encode(texts, {}, options, 2).ids == first.ids, "with memory and threads, without columns");

  const auto is_start = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; };
  const auto num_chars = static_cast<std::uint32_t>(std::count_if(text.begin(), text.end(), is_start));
  const auto num_tokens = static_cast<std::size_t>(first.row_starts[1]);
  for (std::size_t i = 0; i < num_tokens; ++i) {
    const dure::Span span = first.offsets[i];
    require(span.begin_chars <= span.end_chars && span.end_chars <= num_chars, "offsets lie in the text");
  }
  const std::vector<std::int64_t> ids(first.ids.begin(), first.ids.end());
  const std::string decoded = tokenizer.decode(ids.data(), num_tokens, true);
  require(dure::is_utf8(decoded), "decoded text is UTF-8");
  require(tokenizer.decode_batch(ids, first.row_starts, true, 1)[0] == decoded, "a batch decodes as one");
  require(dure::is_utf8(tokenizer.normalize(text)), "normalized text is UTF-8");
  tokenizer.pre_tokenize(text);
}

// Bytes that are no text must do no harm; nothing is promised about what comes out.
void check_bytes(const dure::Tokenizer& tokenizer, std::string_view bytes) {
  const std::vector<std::string_view> words = {bytes.substr(0, bytes.size() / 2), bytes.substr(bytes.size() / 2)};
  const std::vector<dure::Input> inputs = {{bytes, nullptr}, {{}, &words}};
  // Short ones: a pair that is cut makes as many rows as one text's windows times the other's.
  const std::vector<std::string_view> short_words = {bytes.substr(0, 8), bytes.substr(bytes.size() / 2, 8)};
  const std::vector<dure::Input> partners = {{bytes.substr(bytes.size() / 3, 20), nullptr}, {{}, &short_words}};
  dure::EncodeOptions options;
  options.truncation = {12, 1, dure::TruncationStrategy::kLongestFirst, true};
  options.overflow = true;
  tokenizer.encode(inputs, partners, options, 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const dure::Tokenizer& tokenizer = *tokenizers()[data[0] % tokenizers().size()];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t split = std::min<std::size_t>(data[1], bytes.size());
  check_text(tokenizer, dure::repair_utf8(bytes), dure::repair_utf8(bytes.substr(split)));
  check_bytes(tokenizer, bytes);
  return 0;
}
