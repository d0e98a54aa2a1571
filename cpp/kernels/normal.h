// What GELU needs of the normal distribution, as loops that compilers turn into vectors.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "variants.h"

namespace dure::kernels {

// e^x for -87 <= x <= 0, as in the Cephes library: e^x = 2^k * e^rest with |rest| <= log(2) / 2.
DURE_INLINE float exponential(float x) {
  constexpr float kLog2E = 1.44269504F, kRound = 12582912.0F;  // adding 1.5 * 2^23 rounds to an integer
  constexpr float kLog2High = 0.693359375F, kLog2Low = -2.12194440e-4F;
  const float power = (x * kLog2E + kRound) - kRound;
  const float rest = (x - power * kLog2High) - power * kLog2Low;
  float sum = 1.9875691500e-4F;
  sum = sum * rest + 1.3981999507e-3F;
  sum = sum * rest + 8.3334519073e-3F;
  sum = sum * rest + 4.1665795894e-2F;
  sum = sum * rest + 1.6666665459e-1F;
  sum = sum * rest + 5.0000001201e-1F;
  sum = sum * rest * rest + rest + 1.0F;
  return sum * std::bit_cast<float>((static_cast<std::int32_t>(power) + 127) << 23);
}

// e^(-x^2 / 2).
DURE_INLINE float bell(float x) {
  constexpr float kLeast = -87.0F;
  const float exponent = -0.5F * x * x;
  return exponential(exponent < kLeast ? kLeast : exponent);
}

// P(X <= x) of a standard normal X, to 1e-7; `bell_of_x` is bell(x). The tail is a polynomial in 1 / (1 + 0.21 |x|), the
// form of Abramowitz and Stegun's 26.2.17, fitted anew by least squares to 2e-8 of its value.
DURE_INLINE float share_below(float x, float bell_of_x) {
  const float t = 1.0F / (1.0F + 0.21F * std::fabs(x));
  float sum = -0.07194447F;
  sum = sum * t + 0.28494358F;
  sum = sum * t - 0.33296709F;
  sum = sum * t + 0.35241963F;
  sum = sum * t - 0.09596226F;
  sum = sum * t + 0.12572572F;
  sum = sum * t + 0.06897590F;
  sum = sum * t + 0.08509920F;
  sum = sum * t + 0.08370977F;
  const float tail = bell_of_x * sum * t;
  return x > 0.0F ? 1.0F - tail : tail;
}

}  // namespace dure::kernels
