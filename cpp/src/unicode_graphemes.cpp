// Extended grapheme clusters: Unicode Standard Annex #29, section 3.1.1; GB3 to GB13 below are its rules.
#include "dure/unicode.h"
#include "dure/utf8.h"

namespace dure {
namespace {

bool is_control(Grapheme kind) {
  return kind == Grapheme::kControl || kind == Grapheme::kCarriageReturn || kind == Grapheme::kLineFeed;
}

bool is_extending(Grapheme kind) {
  return kind == Grapheme::kExtend || kind == Grapheme::kNonJoiner || kind == Grapheme::kLinker;
}

// Syllables without a trailing consonant (LV) go on as vowels do, others (LVT) as trailing consonants (GB7, GB8).
Grapheme hangul_end(Grapheme kind, char32_t code) {
  if (kind != Grapheme::kSyllable) return kind;
  return (code - 0xAC00) % 28 == 0 ? Grapheme::kVowel : Grapheme::kTrailing;
}

// What is known of a cluster up to its last character.
class Cluster {
 public:
  explicit Cluster(char32_t code) { add(code, grapheme_kind(code)); }

  // Adds the next character if it belongs to the cluster.
  bool take(char32_t code) {
    const Grapheme kind = grapheme_kind(code);
    if (!joins(kind)) return false;
    add(code, kind);
    return true;
  }

 private:
  bool joins(Grapheme next) const {
    if (last_ == Grapheme::kCarriageReturn) return next == Grapheme::kLineFeed;  // GB3
    if (is_control(last_) || is_control(next)) return false;                     // GB4, GB5
    if (is_extending(next) || next == Grapheme::kJoiner || next == Grapheme::kSpacingMark) return true;  // GB9, GB9a
    if (last_ == Grapheme::kPrepend) return true;                                                       // GB9b
    switch (next) {
      case Grapheme::kLeading:
      case Grapheme::kSyllable:
        return last_ == Grapheme::kLeading;  // GB6
      case Grapheme::kVowel:
        return last_ == Grapheme::kLeading || last_ == Grapheme::kVowel;  // GB6, GB7
      case Grapheme::kTrailing:
        return last_ == Grapheme::kVowel || last_ == Grapheme::kTrailing;  // GB7, GB8
      case Grapheme::kConsonant:
        return is_linked_;  // GB9c
      case Grapheme::kPictogram:
        return last_ == Grapheme::kJoiner && has_joined_pictogram_;  // GB11
      case Grapheme::kRegionalIndicator:
        return has_half_flag_;  // GB12, GB13
      default:
        return false;
    }
  }

  void add(char32_t code, Grapheme kind) {
    has_half_flag_ = kind == Grapheme::kRegionalIndicator && !has_half_flag_;
    has_joined_pictogram_ = kind == Grapheme::kJoiner && has_pictogram_;
    has_pictogram_ = kind == Grapheme::kPictogram || (has_pictogram_ && is_extending(kind));
    if (kind == Grapheme::kConsonant) {
      has_consonant_ = true;
      is_linked_ = false;
    } else if (kind == Grapheme::kLinker) {
      is_linked_ = has_consonant_;
    } else if (kind != Grapheme::kExtend && kind != Grapheme::kJoiner) {
      has_consonant_ = false;
      is_linked_ = false;
    }
    last_ = hangul_end(kind, code);
  }

  Grapheme last_ = Grapheme::kOther;
  bool has_half_flag_ = false;         // an odd number of regional indicators up to here
  bool has_pictogram_ = false;         // a pictogram, then only what extends
  bool has_joined_pictogram_ = false;  // the same and a joiner
  bool has_consonant_ = false;         // an Indic consonant, then only what extends
  bool is_linked_ = false;             // the same with a virama
};

}  // namespace

std::uint32_t grapheme_end(std::string_view text, std::uint32_t begin_bytes) {
  const Utf8Char first = decode_char(text, begin_bytes);
  std::uint32_t at = begin_bytes + first.size_bytes;
  if (at >= text.size()) return at;
  // Most clusters are one ASCII character before another.
  if (first.code < 0x80 && first.code != '\r' && static_cast<unsigned char>(text[at]) < 0x80) return at;
  Cluster cluster(first.code);
  while (at < text.size()) {
    const Utf8Char next = decode_char(text, at);
    if (!cluster.take(next.code)) break;
    at += next.size_bytes;
  }
  return at;
}

}  // namespace dure
