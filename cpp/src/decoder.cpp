// The decoders of tokenizer.json, one small class each, and their chain.
#include "dure/decoder.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "dure/pre_tokenizer.h"
#include "dure/regex.h"
#include "dure/utf8.h"

namespace dure {
namespace {

// All occurrences of `from`. An empty one is found before each character and at the end, as in the original.
void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (!from.empty()) {
    std::size_t at = text.find(from);
    if (at == std::string::npos) return;
    std::string out;
    std::size_t done = 0;
    for (; at != std::string::npos; at = text.find(from, done)) {
      out.append(text, done, at - done).append(to);
      done = at + from.size();
    }
    text = out.append(text, done);
    return;
  }
  std::string out(to);
  for (std::size_t i = 0; i < text.size(); ++i) {
    out.push_back(text[i]);
    const bool ends_char = i + 1 == text.size() || (static_cast<unsigned char>(text[i + 1]) & 0xC0U) != 0x80;
    if (ends_char) out.append(to);
  }
  text = std::move(out);
}

// A step that rewrites each token by itself.
class PerToken : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) rewrite(tokens[i], i == 0);
  }
  bool is_piecewise() const override { return true; }
  std::string piece(std::string_view token, bool is_first) const override {
    std::string text(token);
    rewrite(text, is_first);
    return text;
  }

 protected:
  virtual void rewrite(std::string& token, bool is_first) const = 0;
};

class WordPieceDecoder : public PerToken {
 public:
  WordPieceDecoder(std::string prefix, bool cleans_up) : prefix_(std::move(prefix)), cleans_up_(cleans_up) {}

 protected:
  void rewrite(std::string& token, bool is_first) const override {
    if (!is_first && token.starts_with(prefix_)) {
      token.erase(0, prefix_.size());
    } else if (!is_first) {
      token.insert(0, 1, ' ');
    }
    if (cleans_up_) clean_up(token);
  }

 private:
  std::string prefix_;
  bool cleans_up_;
};

class MetaspaceDecoder : public PerToken {
 public:
  MetaspaceDecoder(std::string replacement, bool drops_first)
      : replacement_(std::move(replacement)), drops_first_(drops_first) {}

 protected:
  // All of the first token's replacement characters go, not just the one that was prepended.
  void rewrite(std::string& token, bool is_first) const override {
    replace_all(token, replacement_, is_first && drops_first_ ? "" : " ");
  }

 private:
  std::string replacement_;
  bool drops_first_;
};

class ReplaceDecoder : public PerToken {
 public:
  ReplaceDecoder(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}
  ReplaceDecoder(std::shared_ptr<const Regex> pattern, std::string to)
      : pattern_(std::move(pattern)), to_(std::move(to)) {}

 protected:
  // The content is inserted as it is: this version of the original knows no groups ($1).
  void rewrite(std::string& token, bool) const override {
    if (token.empty()) return;  // nothing is searched in nothing, not even by a pattern that matches it
    if (!pattern_) return replace_all(token, from_, to_);
    std::vector<Range> matches;
    pattern_->find_all(token, matches);
    if (matches.empty()) return;
    std::string out;
    std::size_t done = 0;
    for (const Range match : matches) {
      out.append(token, done, match.begin_bytes - done).append(to_);
      done = match.end_bytes;
    }
    token = out.append(token, done);
  }

 private:
  std::shared_ptr<const Regex> pattern_;  // null: plain text, `from_`
  std::string from_;
  std::string to_;
};

class StripDecoder : public PerToken {
 public:
  StripDecoder(std::string content, std::uint64_t start, std::uint64_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

 protected:
  void rewrite(std::string& token, bool) const override {
    std::string_view rest = token;
    for (std::uint64_t i = 0; i < start_ && rest.starts_with(content_); ++i) rest.remove_prefix(content_.size());
    for (std::uint64_t i = 0; i < stop_ && rest.ends_with(content_); ++i) rest.remove_suffix(content_.size());
    if (rest.size() != token.size()) token = std::string(rest);
  }

 private:
  std::string content_;
  std::uint64_t start_;
  std::uint64_t stop_;
};

void join(std::vector<std::string>& tokens) {
  std::size_t size = 0;
  for (const std::string& token : tokens) size += token.size();
  std::string all;
  all.reserve(size);
  for (const std::string& token : tokens) all += token;
  tokens.clear();
  tokens.push_back(std::move(all));
}

class FuseDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override { join(tokens); }
  bool is_piecewise() const override { return true; }
  bool joins_tokens() const override { return true; }
};

class ByteLevelDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = piece(token, false);
    join(tokens);
    tokens[0] = repair_utf8(tokens[0]);
  }
  bool is_piecewise() const override { return true; }
  bool yields_bytes() const override { return true; }
  bool joins_tokens() const override { return true; }
  // A token with a character that stands for no byte is text as it is.
  std::string piece(std::string_view token, bool) const override {
    std::string bytes;
    bytes.reserve(token.size());
    return to_bytes(token, bytes) ? bytes : std::string(token);
  }
};

class ByteFallbackDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;  // of the byte tokens right before the current one
    std::size_t kept = 0;
    for (std::string& token : tokens) {
      const int value = byte_value(token);
      if (value >= 0) {
        bytes.push_back(static_cast<char>(static_cast<unsigned char>(value)));
        continue;
      }
      flush(bytes, tokens, kept);
      if (&tokens[kept] != &token) tokens[kept] = std::move(token);
      ++kept;
    }
    flush(bytes, tokens, kept);
    tokens.resize(kept);
  }

 private:
  // What "<0x41>" stands for; -1: not such a token. A sign counts as a digit, because Rust's parser takes "+A".
  static int byte_value(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
    const int low = digit(token[4]);
    if (low < 0) return -1;
    if (token[3] == '+') return low;
    const int high = digit(token[3]);
    return high < 0 ? -1 : high * 16 + low;
  }

  static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }

  // Bytes that aren't valid together become one U+FFFD each. There are never more new tokens than byte tokens.
  static void flush(std::string& bytes, std::vector<std::string>& tokens, std::size_t& kept) {
    if (bytes.empty()) return;
    if (is_utf8(bytes)) {
      tokens[kept++] = bytes;
    } else {
      for (std::size_t i = 0; i < bytes.size(); ++i) tokens[kept++] = "\xEF\xBF\xBD";
    }
    bytes.clear();
  }
};

class BpeDecoder : public Decoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) replace_all(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
  }

 private:
  std::string suffix_;
};

class CtcDecoder : public Decoder {
 public:
  CtcDecoder(std::string pad, std::string delimiter, bool cleans_up)
      : pad_(std::move(pad)), delimiter_(std::move(delimiter)), cleans_up_(cleans_up) {}
  void apply(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      replace_all(token, pad_, "");
      if (!cleans_up_) continue;
      clean_up(token);
      replace_all(token, delimiter_, " ");  // only here: without cleanup the delimiter stays, in the original too
    }
    std::erase_if(tokens, [](const std::string& token) { return token.empty(); });
  }

 private:
  std::string pad_;
  std::string delimiter_;
  bool cleans_up_;
};

class DecoderChain : public Decoder {
 public:
  explicit DecoderChain(std::vector<std::unique_ptr<const Decoder>> steps) : steps_(std::move(steps)) {
    bool is_joined = false;
    for (const auto& step : steps_) {
      // After one that joins, only joining again leaves pieces what they are.
      const bool keeps_pieces = !is_joined || (step->joins_tokens() && !step->yields_bytes());
      is_piecewise_ = is_piecewise_ && step->is_piecewise() && keeps_pieces;
      is_joined = is_joined || step->joins_tokens();
      yields_bytes_ = yields_bytes_ || step->yields_bytes();
    }
    joins_tokens_ = is_joined;
  }
  void apply(std::vector<std::string>& tokens) const override {
    for (const auto& step : steps_) step->apply(tokens);
  }
  bool is_piecewise() const override { return is_piecewise_; }
  bool yields_bytes() const override { return is_piecewise_ && yields_bytes_; }
  bool joins_tokens() const override { return joins_tokens_; }
  std::string piece(std::string_view token, bool is_first) const override {
    std::string text(token);
    for (const auto& step : steps_) text = step->piece(text, is_first);
    return text;
  }

 private:
  std::vector<std::unique_ptr<const Decoder>> steps_;
  bool is_piecewise_ = true;
  bool yields_bytes_ = false;
  bool joins_tokens_ = false;
};

// A member that must be a single character.
std::string character(const Json& json, const char* name, const char* fallback) {
  std::string text = json.text_or(name, fallback);
  std::vector<char32_t> codes;
  decode_utf8(text, codes);
  if (codes.size() != 1) {
    throw JsonError(std::string("'") + name + "' of a decoder must be one character, not '" + text + "'");
  }
  return text;
}

std::uint64_t count(const Json& json, const char* name) {
  const std::int64_t value = json.number_or(name, 0);
  if (value < 0) {
    throw JsonError(std::string("'") + name + "' of a decoder must be 0 or more, not " + std::to_string(value));
  }
  return static_cast<std::uint64_t>(value);
}

std::unique_ptr<const Decoder> make_metaspace(const Json& json) {
  const bool adds_space = json.flag_or("add_prefix_space", true);
  const std::string scheme = json.text_or("prepend_scheme", adds_space ? "always" : "never");
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    throw JsonError("'prepend_scheme' of Metaspace must be always, first or never, not '" + scheme + "'");
  }
  if (!adds_space && scheme != "never") {
    throw JsonError("'add_prefix_space' of Metaspace is false, but 'prepend_scheme' is '" + scheme +
                    "': remove one of them");
  }
  return std::make_unique<const MetaspaceDecoder>(character(json, "replacement", "\u2581"), scheme != "never");
}

std::unique_ptr<const Decoder> make_replace_decoder(const Json& json) {
  const Json& pattern = json.at("pattern");
  std::string content = json.text("content");
  if (pattern.find("String") != nullptr) {
    return std::make_unique<const ReplaceDecoder>(pattern.text("String"), std::move(content));
  }
  return std::make_unique<const ReplaceDecoder>(pattern_from_json(pattern), std::move(content));
}

std::unique_ptr<const Decoder> make_chain(const Json& json) {
  std::vector<std::unique_ptr<const Decoder>> steps;
  for (const Json& item : json.array("decoders")) {
    std::unique_ptr<const Decoder> step = decoder_from_json(&item);
    if (step == nullptr) throw JsonError("a step of a decoder of type 'Sequence' must not be null");
    steps.push_back(std::move(step));
  }
  return std::make_unique<const DecoderChain>(std::move(steps));
}

std::unique_ptr<const Decoder> make_ctc(const Json& json) {
  return std::make_unique<const CtcDecoder>(json.text_or("pad_token", "<pad>"),
                                            json.text_or("word_delimiter_token", "|"), json.flag_or("cleanup", true));
}

std::unique_ptr<const Decoder> make_strip(const Json& json) {
  return std::make_unique<const StripDecoder>(character(json, "content", " "), count(json, "start"),
                                              count(json, "stop"));
}

std::unique_ptr<const Decoder> make_bpe_decoder(const Json& json) {
  return std::make_unique<const BpeDecoder>(json.text_or("suffix", "</w>"));
}

std::unique_ptr<const Decoder> make_wordpiece_decoder(const Json& json) {
  return std::make_unique<const WordPieceDecoder>(json.text_or("prefix", "##"), json.flag_or("cleanup", true));
}

template <typename T>
std::unique_ptr<const Decoder> make_plain(const Json&) {
  return std::make_unique<const T>();
}

using Factory = std::unique_ptr<const Decoder> (*)(const Json&);

constexpr std::pair<std::string_view, Factory> kFactories[] = {
    {"BPEDecoder", make_bpe_decoder},
    {"ByteFallback", make_plain<ByteFallbackDecoder>},
    {"ByteLevel", make_plain<ByteLevelDecoder>},
    {"CTC", make_ctc},
    {"Fuse", make_plain<FuseDecoder>},
    {"Metaspace", make_metaspace},
    {"Replace", make_replace_decoder},
    {"Sequence", make_chain},
    {"Strip", make_strip},
    {"WordPiece", make_wordpiece_decoder},
};

}  // namespace

void clean_up(std::string& text) {
  // The order matters and is the original's: each rule sees what the rules before it left.
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  if (text.find(' ') == std::string::npos) return;  // every rule begins with a space
  for (const auto& [from, to] : kRules) replace_all(text, from, to);
}

std::unique_ptr<const Decoder> decoder_from_json(const Json* json) {
  if (json == nullptr || json->is_null()) return nullptr;
  if (json->type != Json::Type::kObject) throw JsonError("a decoder must be an object with a 'type', or null");
  // Files from before types were written hold a bare suffix; the original still reads them.
  const bool is_old = json->find("type") == nullptr && json->find("suffix") != nullptr;
  const std::string type = is_old ? "BPEDecoder" : json->text("type");
  std::string known;
  for (const auto& [name, make] : kFactories) {
    if (name == type) return make(*json);
    known += known.empty() ? "" : ", ";
    known += name;
  }
  throw JsonError("a decoder of type '" + type + "' is not known; known: " + known);
}

}  // namespace dure
