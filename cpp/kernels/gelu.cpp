#include "gelu.h"

#include "normal.h"
#include "variants.h"

namespace dure::kernels {
namespace {

constexpr std::int64_t kPiece = 8192;  // values; of one thread at a time

DURE_INLINE void compute(float* __restrict values, float* __restrict result, std::int64_t count) {
  constexpr float kPeak = 0.398942280F;  // of the density, 1 / sqrt(2 pi)
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = values[i];
    const float bell_of_x = bell(x);
    const float below = share_below(x, bell_of_x);
    result[i] = x * below;
    values[i] = below + x * bell_of_x * kPeak;
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
