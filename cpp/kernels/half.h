// bfloat16: a float32 without its lower sixteen bits.
#pragma once

#include <bit>
#include <cstdint>

#include "variants.h"

namespace dure::kernels {

DURE_INLINE float wide(std::uint16_t half) { return std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16); }

// To the nearest, ties to even; what isn't a number stays so.
DURE_INLINE std::uint16_t narrow(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto rounded = static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
  return (bits & 0x7fffffff) > 0x7f800000 ? static_cast<std::uint16_t>((bits >> 16) | 0x40) : rounded;
}

}  // namespace dure::kernels
