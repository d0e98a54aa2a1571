#include "dure/tokenizer.h"

#include <random>
#include <thread>

#include "check.h"
#include "dure/serialize.h"
#include "small_tokenizers.h"

namespace dure {
namespace {

const char* const kTexts[] = {
    "", " ", "abc", "abc abc  a.b", " lead and tail ", "한국 한국, 일.", "é É b e\u0301", "[MASK] a [CLS]<|end|> x X",
    "1 22 333", "\t\n\u3000", "a\u0000b", "😀👨‍👩‍👧", "ｶﾞ ﬁ ②", "<s> ab </s>  abc abc abc abc abc",
};

std::string draw(std::mt19937& random) {
  std::string text;
  for (auto i = random() % 12; i > 0; --i) {
    text += kTexts[random() % std::size(kTexts)];
    if (random() % 2 == 0) text += ' ';
  }
  return text;
}

bool is_same(const Encodings& left, const Encodings& right) {
  const auto is_same_span = [](Span a, Span b) { return a.begin_chars == b.begin_chars && a.end_chars == b.end_chars; };
  return left.row_starts == right.row_starts && left.ids == right.ids && left.type_ids == right.type_ids &&
         left.word_ids == right.word_ids && left.special_tokens_mask == right.special_tokens_mask &&
         left.surfaces == right.surfaces &&
         std::equal(left.offsets.begin(), left.offsets.end(), right.offsets.begin(), right.offsets.end(), is_same_span);
}

TEST(memory_and_threads_change_nothing) {
  std::mt19937 random(3);
  for (const std::string& json : test::small_tokenizers()) {
    const Tokenizer tokenizer = tokenizer_from_json(json);
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i) texts.push_back(draw(random));
    std::string long_text;
    while (long_text.size() < 200000) long_text += draw(random);
    texts.push_back(long_text);
    const std::vector<Input> inputs(texts.begin(), texts.end());
    EncodeOptions options;
    const Encodings first = tokenizer.encode(inputs, {}, options, 1);
    CHECK(is_same(first, tokenizer.encode(inputs, {}, options, 3)));
    CHECK(is_same(first, tokenizer.encode(inputs, {}, options, 1)));
    options.uses_memory = false;
    CHECK(is_same(first, tokenizer.encode(inputs, {}, options, 1)));
    const std::vector<Input> alone = {{long_text, nullptr}};
    const Encodings slow = tokenizer.encode(alone, {}, options, 1);
    options.uses_memory = true;
    CHECK(is_same(slow, tokenizer.encode(alone, {}, options, 4)));
  }
}

TEST(threads_share_a_tokenizer) {
  const Tokenizer tokenizer = tokenizer_from_json(test::small_wordpiece());
  const std::vector<Input> inputs(std::begin(kTexts), std::end(kTexts));
  const Encodings expected = tokenizer.encode(inputs, inputs, {}, 1);
  std::vector<int> is_equal(4, 0);
  std::vector<std::thread> threads;
  for (int& equal : is_equal) {
    threads.emplace_back([&] {
      equal = 1;
      for (int i = 0; i < 50; ++i) {
        const Encodings got = tokenizer.encode(inputs, inputs, {}, 2);
        if (!is_same(got, expected)) equal = 0;
        tokenizer.decode_batch({got.ids.begin(), got.ids.end()}, got.row_starts, false, 2);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int equal : is_equal) CHECK(equal == 1);
}

TEST(rows_decode_as_one_by_one) {
  std::mt19937 random(4);
  for (const std::string& json : test::small_tokenizers()) {
    const Tokenizer tokenizer = tokenizer_from_json(json);
    std::vector<std::int64_t> ids;
    std::vector<std::int64_t> row_starts{0};
    for (int row = 0; row < 100; ++row) {
      for (auto i = random() % 12; i > 0; --i) ids.push_back(static_cast<std::int64_t>(random() % 300) - 10);
      row_starts.push_back(static_cast<std::int64_t>(ids.size()));
    }
    for (const bool skips : {false, true}) {
      const std::vector<std::string> texts = tokenizer.decode_batch(ids, row_starts, skips, 2);
      for (std::size_t row = 0; row < texts.size(); ++row) {
        const auto count = static_cast<std::size_t>(row_starts[row + 1] - row_starts[row]);
        CHECK(texts[row] == tokenizer.decode(ids.data() + row_starts[row], count, skips));
        CHECK(is_utf8(texts[row]));
      }
    }
  }
}

TEST(a_file_is_written_as_it_is_read) {
  for (const std::string& json : test::small_tokenizers()) {
    const Tokenizer tokenizer = tokenizer_from_json(json);
    const std::string written = tokenizer_to_json(tokenizer);
    CHECK(tokenizer_to_json(tokenizer_from_json(written)) == written);
    const Tokenizer more = tokenizer.with_added_tokens({{0, "zz", true, false, false, false, false}});
    CHECK(more.token_to_id("zz") >= 0);
    CHECK(tokenizer_from_json(tokenizer_to_json(more)).token_to_id("zz") == more.token_to_id("zz"));
  }
}

TEST(broken_files_are_refused_in_one_sentence) {
  const std::string json = test::small_wordpiece();
  for (std::size_t size = 0; size < json.size(); size += 7) {
    CHECK(!test::refusal([&] { tokenizer_from_json(std::string_view(json).substr(0, size)); }).empty());
  }
  CHECK(!test::refusal([] { tokenizer_from_json("[]"); }).empty());
  CHECK(!test::refusal([] { tokenizer_from_json(R"({"model":{"type":"Nope"}})"); }).empty());
}

}  // namespace
}  // namespace dure
