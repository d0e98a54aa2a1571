// Small tokenizers of every kind, as tokenizer.json, for tests and fuzz targets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dure/json.h"
#include "dure/pre_tokenizer.h"
#include "dure/utf8.h"

namespace dure::test {

// Puts a file together from its sections.
inline std::string tokenizer_json(std::string_view normalizer, std::string_view pre_tokenizer, std::string_view model,
                                  std::string_view post_processor, std::string_view decoder,
                                  std::string_view added_tokens = "[]") {
  std::string out = R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":)";
  out.append(added_tokens).append(R"(,"normalizer":)").append(normalizer);
  out.append(R"(,"pre_tokenizer":)").append(pre_tokenizer).append(R"(,"post_processor":)").append(post_processor);
  return out.append(R"(,"decoder":)").append(decoder).append(R"(,"model":)").append(model).append("}");
}

inline std::string added_token(int id, const std::string& content, bool strips, bool single_word, bool normalized) {
  Json token;
  token.type = Json::Type::kObject;
  token.members = {{"id", json_integer(id)},           {"content", json_string(content)},
                   {"single_word", json_bool(single_word)}, {"lstrip", json_bool(strips)},
                   {"rstrip", json_bool(strips)},      {"normalized", json_bool(normalized)},
                   {"special", json_bool(!normalized)}};
  return dump_json(token);
}

// BERT's way: basic tokens, "##" pieces, a template.
inline std::string small_wordpiece() {
  std::string vocab = R"("[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4)";
  int id = 5;
  for (const char* token : {"a", "b", "c", "##a", "##b", "##c", "abc", "##bc", "한", "##국", "일", ".", ",", "'", "1"}) {
    vocab.append(",\"").append(token).append("\":").append(std::to_string(id++));
  }
  return tokenizer_json(
      R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,)"
      R"("lowercase":true})",
      R"({"type":"BertPreTokenizer"})",
      R"({"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,)"
      R"("vocab":{)" + vocab + "}}",
      R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},)"
      R"({"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],)"
      R"("pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},)"
      R"({"SpecialToken":{"id":"[SEP]","type_id":0}},{"Sequence":{"id":"B","type_id":1}},)"
      R"({"SpecialToken":{"id":"[SEP]","type_id":1}}],"special_tokens":{)"
      R"("[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}})",
      R"({"type":"WordPiece","prefix":"##","cleanup":true})",
      "[" + added_token(2, "[CLS]", false, false, false) + "," + added_token(3, "[SEP]", false, false, false) + "," +
          added_token(4, "[MASK]", true, false, false) + "," + added_token(20, "É b", false, true, true) + "]");
}

// GPT-2's way: every byte is a token, a few merges, offsets without spaces.
inline std::string small_byte_level(bool adds_space) {
  std::string vocab;
  for (int byte = 0; byte < 256; ++byte) {
    std::string token;
    append_utf8(byte_to_char(static_cast<unsigned char>(byte)), token);
    vocab.append(byte > 0 ? "," : "").append(dump_json(json_string(token))).append(":").append(std::to_string(byte));
  }
  int id = 256;
  for (const char* token : {"ab", "abc", "\u0120a", "\u0120ab", "\u0120\u0120", "íķ", "íķľ"}) {
    vocab.append(",\"").append(token).append("\":").append(std::to_string(id++));
  }
  const std::string flag = adds_space ? "true" : "false";
  const std::string step =
      R"({"type":"ByteLevel","add_prefix_space":)" + flag + R"(,"trim_offsets":true,"use_regex":true})";
  return tokenizer_json("null", step,
                        R"({"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":"",)"
                        R"("end_of_word_suffix":"","fuse_unk":false,"byte_fallback":false,"ignore_merges":false,)"
                        R"("vocab":{)" + vocab +
                            R"(},"merges":["a b","ab c","\u0120 a","\u0120a b","\u0120 \u0120","í ķ","íķ ľ"]})",
                        step, step, "[" + added_token(263, "<|end|>", false, false, false) + "]");
}

// SentencePiece's way: spaces are "▁", the best path, bytes for what is unknown.
inline std::string small_unigram() {
  std::string vocab = R"(["<unk>",0.0],["▁",-2.0],["▁a",-2.5],["a",-3.0],["b",-3.0],["ab",-4.0],["▁abc",-5.0])";
  vocab += R"(,["c",-6.5],["한",-7.0],["한국",-7.5],["▁.",-8.0],[".",-4.0],["▁▁",-6.0])";
  const std::string space = R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true})";
  return tokenizer_json(R"({"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Lowercase"}]})",
                        R"({"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},)" + space + "]}",
                        R"({"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[)" + vocab + "]}",
                        R"({"type":"RobertaProcessing","sep":["</s>",14],"cls":["<s>",13],"trim_offsets":true,)"
                        R"("add_prefix_space":true})",
                        space,
                        "[" + added_token(13, "<s>", false, false, false) + "," +
                            added_token(14, "</s>", false, false, false) + "," +
                            added_token(15, "x", false, true, true) + "]");
}

// Llama's way: no pre-tokenizer, bytes for what the merges don't know.
inline std::string small_byte_fallback() {
  std::string vocab = R"("<unk>":0,"<s>":1)";
  constexpr char kHex[] = "0123456789ABCDEF";
  int id = 2;
  for (int byte = 0; byte < 256; ++byte) {
    vocab.append(",\"<0x").append({kHex[byte / 16], kHex[byte % 16]}).append(">\":").append(std::to_string(id++));
  }
  for (const char* token : {"▁", "a", "b", "c", "한", "▁a", "▁ab", "ab", "▁▁"}) {
    vocab.append(",\"").append(token).append("\":").append(std::to_string(id++));
  }
  return tokenizer_json(
      R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},)"
      R"({"type":"Replace","pattern":{"String":" "},"content":"▁"}]})",
      "null",
      R"({"type":"BPE","dropout":null,"unk_token":"<unk>","continuing_subword_prefix":null,"end_of_word_suffix":null,)"
      R"("fuse_unk":true,"byte_fallback":true,"ignore_merges":false,"vocab":{)" + vocab +
          R"(},"merges":[["▁","a"],["▁a","b"],["a","b"],["▁","▁"]]})",
      R"({"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},)"
      R"({"Sequence":{"id":"A","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}},)"
      R"({"Sequence":{"id":"B","type_id":1}}],"special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}})",
      R"({"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},)"
      R"({"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]})",
      "[" + added_token(1, "<s>", false, false, false) + "]");
}

// Whole words between characters that aren't words.
inline std::string small_word_level() {
  return tokenizer_json(R"({"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"},)"
                        R"({"type":"Strip","strip_left":true,"strip_right":true}]})",
                        R"({"type":"Sequence","pretokenizers":[{"type":"Whitespace"},)"
                        R"({"type":"Digits","individual_digits":true}]})",
                        R"({"type":"WordLevel","vocab":{"<unk>":0,"a":1,"b":2,"e":3,"1":4,".":5},"unk_token":"<unk>"})",
                        R"({"type":"BertProcessing","sep":["s",7],"cls":["c",8]})", "null");
}

inline std::vector<std::string> small_tokenizers() {
  return {small_wordpiece(), small_byte_level(false), small_byte_level(true),
          small_unigram(),   small_byte_fallback(),   small_word_level()};
}

}  // namespace dure::test
