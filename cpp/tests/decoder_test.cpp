#include "dure/decoder.h"

#include "check.h"

namespace dure {
namespace {

std::string decode(const char* json, std::vector<std::string> tokens) {
  const Json document = parse_json(json);
  const auto decoder = decoder_from_json(&document);
  decoder->apply(tokens);
  std::string out;
  for (const std::string& token : tokens) out += token;
  return out;
}

std::string decode_pieces(const char* json, const std::vector<std::string>& tokens) {
  const Json document = parse_json(json);
  const auto decoder = decoder_from_json(&document);
  CHECK(decoder->is_piecewise());
  std::string out;
  for (std::size_t i = 0; i < tokens.size(); ++i) out += decoder->piece(tokens[i], i == 0);
  return decoder->yields_bytes() ? repair_utf8(out) : out;
}

TEST(each_damaged_part_of_a_character_is_replaced_once) {
  CHECK(repair_utf8("abc \xE6\x97\xA5 \xF0\x9F\x98\x80") == "abc \xE6\x97\xA5 \xF0\x9F\x98\x80");
  CHECK(repair_utf8("\xE6\x97") == "\uFFFD");
  CHECK(repair_utf8("\xE6\x97z\xA5") == "\uFFFDz\uFFFD");
  CHECK(repair_utf8("\xF0\x9F\x98\xF0\x9F\x98\x80") == "\uFFFD\xF0\x9F\x98\x80");
  CHECK(repair_utf8("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");
  CHECK(repair_utf8("\xC0\xAF\xF5\x80") == "\uFFFD\uFFFD\uFFFD\uFFFD");
  CHECK(repair_utf8("twelve bytes\xFFtwelve bytes") == "twelve bytes\uFFFDtwelve bytes");
  CHECK(repair_utf8("") == "");
}

TEST(pieces_joined_are_the_decoded_text) {
  const char* wordpiece = R"({"type":"WordPiece","prefix":"##","cleanup":true})";
  const std::vector<std::string> words = {"##a", "do", "##n't", ",", "b", "'s"};
  CHECK(decode(wordpiece, words) == "##a don't, b's");
  CHECK(decode_pieces(wordpiece, words) == "##a don't, b's");
  const char* metaspace = R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"first"})";
  CHECK(decode(metaspace, {"▁a▁b", "▁c"}) == "ab c");
  CHECK(decode_pieces(metaspace, {"▁a▁b", "▁c"}) == "ab c");
  const char* bytes = R"({"type":"Sequence","decoders":[{"type":"ByteLevel"},{"type":"Fuse"}]})";
  CHECK(decode(bytes, {"íķ", "ľ\u0120x", "Ã", "한Ġ"}) == "한 x\uFFFD한Ġ");
  CHECK(decode_pieces(bytes, {"íķ", "ľ\u0120x", "Ã", "한Ġ"}) == "한 x\uFFFD한Ġ");
}

TEST(bytes_that_fall_back_are_text_or_replaced_one_by_one) {
  const char* json = R"({"type":"ByteFallback"})";
  CHECK(decode(json, {"<0xE6>", "<0x97>", "<0xa5>", "x"}) == "日x");
  CHECK(decode(json, {"<0xE6>", "<0x97>", "x", "<0x41>"}) == "\uFFFD\uFFFDxA");
  CHECK(decode(json, {"<0x+F>", "<0xGG>", "<0x411>"}) == "\x0F<0xGG><0x411>");
}

TEST(no_tokens_are_no_text) {
  for (const char* type : {"ByteLevel", "Fuse", "BPEDecoder", "CTC", "ByteFallback", "WordPiece", "Metaspace"}) {
    CHECK(decode((std::string(R"({"type":")") + type + "\"}").c_str(), {}).empty());
  }
}

TEST(unknown_decoders_are_named) {
  const std::string message = test::refusal([] { decode(R"({"type":"Nope"})", {}); });
  CHECK(message == "a decoder of type 'Nope' is not known; known: BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, "
                   "Metaspace, Replace, Sequence, Strip, WordPiece");
}

}  // namespace
}  // namespace dure
