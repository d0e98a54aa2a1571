// What all normalizers share, Sequence, and the way from JSON.
#include "dure/normalizer.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>
#include <vector>

namespace dure {
namespace {

// Whether a text begins with a printable ASCII character behind any number of spaces, or has nothing but spaces.
bool has_ascii_head(std::string_view text) {
  const std::size_t at = text.find_first_not_of(' ');
  return at == std::string_view::npos || (text[at] > ' ' && text[at] < 0x7F);
}

class Sequence final : public Normalizer {
 public:
  explicit Sequence(std::vector<std::unique_ptr<const Normalizer>> steps) : steps_(std::move(steps)) {}

  void apply(AlignedText& text, AlignedText& scratch, Ends ends) const override {
    for (const auto& step : steps_) {
      step->apply(text, scratch, ends);
      check_size(text.bytes.size());
    }
  }
  bool keeps_cuts(std::u32string& heads) const override {
    return std::all_of(steps_.begin(), steps_.end(), [&](const auto& step) { return step->keeps_cuts(heads); });
  }
  bool sees_ends() const override {
    return std::any_of(steps_.begin(), steps_.end(), [](const auto& step) { return step->sees_ends(); });
  }
  bool may_shift_origins() const override {
    return std::any_of(steps_.begin(), steps_.end(), [](const auto& step) { return step->may_shift_origins(); });
  }
  bool has_local_origins(std::string_view text) const override {
    bool keeps_head = has_ascii_head(text);
    for (const auto& step : steps_) {
      // Only the first step sees the text as it is.
      const bool is_first = step == steps_.front();
      if (step->may_shift_origins() && !(is_first ? step->has_local_origins(text) : keeps_head)) return false;
      keeps_head = keeps_head && step->keeps_leading_ascii();
    }
    return true;
  }
  bool keeps_leading_ascii() const override {
    return std::all_of(steps_.begin(), steps_.end(), [](const auto& step) { return step->keeps_leading_ascii(); });
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> steps_;
};

std::unique_ptr<const Normalizer> make_sequence(const Json& json) {
  std::vector<std::unique_ptr<const Normalizer>> steps;
  for (const Json& item : json.array("normalizers")) {
    if (item.is_null()) throw JsonError("a Sequence of normalizers has null where a normalizer must be");
    steps.push_back(normalizer_from_json(&item));
  }
  return std::make_unique<Sequence>(std::move(steps));
}

constexpr std::array<std::string_view, 14> kTypes = {
    "BertNormalizer", "ByteLevel",   "Lowercase", "NFC",     "NFD",      "NFKC",  "NFKD",
    "Nmt",            "Precompiled", "Prepend",   "Replace", "Sequence", "Strip", "StripAccents"};

// Old files have no type where the other members tell it.
std::string find_type(const Json& json) {
  if (json.find("type") != nullptr) return json.text("type");
  using Sign = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Sign, 6> kSigns = {Sign{"clean_text", "BertNormalizer"},
                                          Sign{"strip_left", "Strip"},
                                          Sign{"normalizers", "Sequence"},
                                          Sign{"precompiled_charsmap", "Precompiled"},
                                          Sign{"pattern", "Replace"},
                                          Sign{"prepend", "Prepend"}};
  for (const auto& [key, type] : kSigns) {
    if (json.find(key) != nullptr) return std::string(type);
  }
  throw JsonError("a normalizer has no \"type\"");
}

[[noreturn]] void refuse_type(const std::string& type) {
  std::string known;
  for (const std::string_view name : kTypes) known.append(known.empty() ? "" : ", ").append(name);
  throw JsonError("unknown normalizer type \"" + type + "\"; known are " + known);
}

}  // namespace

bool Normalizer::is_local() const {
  std::u32string heads = U" ";
  return keeps_cuts(heads);
}

bool Normalizer::keeps_spaces() const {
  std::u32string heads = U" ";
  return keeps_cuts(heads) && heads.find_first_not_of(U' ') == std::u32string::npos;
}

void check_size(std::size_t size_bytes) {
  if (size_bytes > (std::size_t{1} << 30)) {
    throw std::invalid_argument("normalizing makes a text longer than 1 GiB; split it, or check the normalizer");
  }
}

bool are_spaces(std::u32string_view heads) {
  return std::all_of(heads.begin(), heads.end(), [](char32_t code) { return code == U' ' || code == kVisibleSpace; });
}

std::unique_ptr<const Normalizer> normalizer_from_json(const Json* json) {
  if (json == nullptr || json->is_null()) return nullptr;
  if (json->type != Json::Type::kObject) throw JsonError("a normalizer must be an object with a \"type\", or null");
  const std::string type = find_type(*json);
  if (type == "Sequence") return make_sequence(*json);
  if (type == "BertNormalizer") return make_bert_normalizer(*json);
  if (type == "Precompiled") return make_precompiled(*json);
  if (type == "Prepend") return make_prepend(*json);
  if (type == "Replace") return make_replace(*json);
  if (type == "Strip") return make_strip(*json);
  if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") return make_unicode_form(type);
  if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) refuse_type(type);
  return make_character_step(type);
}

}  // namespace dure
