// Repair of UTF-8: byte-level tokens may end in the middle of a character.
#include <cstdint>
#include <cstring>

#include "dure/decoder.h"

namespace dure {
namespace {

struct Sequence {
  std::size_t length_bytes;
  bool is_valid;
};

// The character at `at`, or the maximal part of one that stands there (The Unicode Standard, table 3-7).
Sequence sequence_at(std::string_view bytes, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned lead = byte(at);
  if (lead < 0x80) return {1, true};
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  // Only the second byte has a range of its own: it rules out what is overlong, surrogates, and above U+10FFFF.
  unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i >= bytes.size() || byte(at + i) < low || byte(at + i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

// Where the first ill-formed sequence at or behind `at` begins; the size when there is none.
std::size_t find_damage(std::string_view bytes, std::size_t at) {
  while (at < bytes.size()) {
    std::uint64_t eight;
    while (at + sizeof(eight) <= bytes.size()) {
      std::memcpy(&eight, bytes.data() + at, sizeof(eight));
      if ((eight & 0x8080808080808080U) != 0) break;
      at += sizeof(eight);
    }
    if (at == bytes.size()) break;
    const Sequence sequence = sequence_at(bytes, at);
    if (!sequence.is_valid) return at;
    at += sequence.length_bytes;
  }
  return bytes.size();
}

}  // namespace

std::string repair_utf8(std::string_view bytes) {
  std::size_t damage = find_damage(bytes, 0);
  if (damage == bytes.size()) return std::string(bytes);
  std::string out;
  out.reserve(bytes.size() + 8);
  std::size_t done = 0;
  while (damage < bytes.size()) {
    out.append(bytes.substr(done, damage - done));
    out += "\xEF\xBF\xBD";
    done = damage + sequence_at(bytes, damage).length_bytes;
    damage = find_damage(bytes, done);
  }
  out.append(bytes.substr(done));
  return out;
}

bool is_utf8(std::string_view bytes) { return find_damage(bytes, 0) == bytes.size(); }

}  // namespace dure
