#include "gelu.h"

#include "normal.h"
#include "variants.h"

namespace dure::kernels {
namespace {

constexpr std::int64_t kPiece = 8192;  // values; of one thread at a time

struct Compute {
  DURE_INLINE static void run(float* __restrict values, float* __restrict result, std::int64_t count) {
    constexpr float kPeak = 0.398942280F;  // of the density, 1 / sqrt(2 pi)
    for (std::int64_t i = 0; i < count; ++i) {
      const float x = values[i];
      const float bell_of_x = bell(x);
      const float below = share_below(x, bell_of_x);
      result[i] = x * below;
      values[i] = below + x * bell_of_x * kPeak;
    }
  }
};

const auto compute = compiled_for<Compute>(processor());

}  // namespace

void gelu(float* values, float* result, std::int64_t count) {
  const std::int64_t num_pieces = (count + kPiece - 1) / kPiece;
#pragma omp parallel for schedule(static) if (num_pieces > 1)
  for (std::int64_t piece = 0; piece < num_pieces; ++piece) {
    const std::int64_t begin = piece * kPiece;
    compute(values + begin, result + begin, count - begin < kPiece ? count - begin : kPiece);
  }
}

}  // namespace dure::kernels
