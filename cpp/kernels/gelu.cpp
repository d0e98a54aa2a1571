#include "gelu.h"

#include <bit>
#include <cmath>

#include "variants.h"

namespace dure::kernels {
namespace {

constexpr std::int64_t kPiece = 8192;  // values; of one thread at a time

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

// P(X > x) * e^(x^2 / 2) for 0 <= x <= 14: a polynomial in 1 / (1 + 0.21 x), the form of Abramowitz and Stegun's 26.2.17,
// fitted anew by least squares to 2e-8 of the value.
DURE_INLINE float scaled_tail(float x) {
  const float t = 1.0F / (1.0F + 0.21F * x);
  float sum = -0.07194447F;
  sum = sum * t + 0.28494358F;
  sum = sum * t - 0.33296709F;
  sum = sum * t + 0.35241963F;
  sum = sum * t - 0.09596226F;
  sum = sum * t + 0.12572572F;
  sum = sum * t + 0.06897590F;
  sum = sum * t + 0.08509920F;
  sum = sum * t + 0.08370977F;
  return sum * t;
}

DURE_INLINE void compute(float* __restrict values, float* __restrict result, std::int64_t count) {
  constexpr float kLeast = -87.0F, kPeak = 0.398942280F;  // of the density, 1 / sqrt(2 pi)
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = values[i];
    const float exponent = -0.5F * x * x;
    const float bell = exponential(exponent < kLeast ? kLeast : exponent);
    const float tail = bell * scaled_tail(std::fabs(x));
    const float below = x > 0.0F ? 1.0F - tail : tail;
    result[i] = x * below;
    values[i] = below + x * bell * kPeak;
  }
}

using Compute = void (*)(float*, float*, std::int64_t);

void compute_baseline(float* values, float* result, std::int64_t count) {
  compute(values, result, count);
}

#ifdef DURE_HAS_VARIANTS
DURE_AVX2 void compute_avx2(float* values, float* result, std::int64_t count) {
  compute(values, result, count);
}

DURE_AVX512 void compute_avx512(float* values, float* result, std::int64_t count) {
  compute(values, result, count);
}
#else
constexpr Compute compute_avx2 = compute_baseline, compute_avx512 = compute_baseline;
#endif

const Compute best_compute = best_of<Compute>(compute_baseline, compute_avx2, compute_avx512);

}  // namespace

void gelu(float* values, float* result, std::int64_t count) {
  const std::int64_t num_pieces = (count + kPiece - 1) / kPiece;
#pragma omp parallel for schedule(static) if (num_pieces > 1)
  for (std::int64_t piece = 0; piece < num_pieces; ++piece) {
    const std::int64_t begin = piece * kPiece;
    best_compute(values + begin, result + begin, count - begin < kPiece ? count - begin : kPiece);
  }
}

}  // namespace dure::kernels
