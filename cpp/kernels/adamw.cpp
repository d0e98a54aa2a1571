#include "adamw.h"

#include <cmath>

#include "variants.h"

namespace dure::kernels {
namespace {

constexpr std::int64_t kPiece = 8192;  // values; of one thread at a time

// The settings of a step, worked out in double precision and rounded once.
struct Factors {
  float scale, kept, new_mean, old_square, new_square, inverse_root, epsilon, step_size;
};

Factors factors_of(const AdamW& settings) {
  const auto step = static_cast<double>(settings.step);
  const double mean_correction = 1.0 - std::pow(settings.beta1, step);
  const double square_correction = 1.0 - std::pow(settings.beta2, step);
  const auto rounded = [](double value) { return static_cast<float>(value); };
  return {rounded(settings.gradient_scale),
          rounded(1.0 - settings.learning_rate * settings.weight_decay),
          rounded(1.0 - settings.beta1),
          rounded(settings.beta2),
          rounded(1.0 - settings.beta2),
          rounded(1.0 / std::sqrt(square_correction)),
          rounded(settings.epsilon),
          rounded(settings.learning_rate / mean_correction)};
}

struct Update {
  DURE_INLINE static void run(float* __restrict values, const float* __restrict gradient, float* __restrict mean,
                              float* __restrict square, std::int64_t count, const Factors& factors) {
    const Factors f = factors;
    for (std::int64_t i = 0; i < count; ++i) {
      const float slope = gradient[i] * f.scale;
      const float new_mean = mean[i] + f.new_mean * (slope - mean[i]);
      const float new_square = f.old_square * square[i] + f.new_square * slope * slope;
      mean[i] = new_mean;
      square[i] = new_square;
      values[i] = values[i] * f.kept - f.step_size * new_mean / (std::sqrt(new_square) * f.inverse_root + f.epsilon);
    }
  }
};

const auto update = compiled_for<Update>(processor());

}  // namespace

void take_step(const std::vector<Weights>& weights, const AdamW& settings) {
  const Factors factors = factors_of(settings);
  // Threads don't wait for each other between parameters, most of which are small.
#pragma omp parallel
  for (const Weights& part : weights) {
    const bool is_whole = part.rows == nullptr;
    const std::int64_t size = is_whole ? kPiece : part.row_size;
    const std::int64_t num_pieces = is_whole ? (part.count + kPiece - 1) / kPiece : part.num_rows;
#pragma omp for schedule(dynamic, 8) nowait
    for (std::int64_t piece = 0; piece < num_pieces; ++piece) {
      const std::int64_t begin = size * (is_whole ? piece : part.rows[piece]);
      const std::int64_t count = part.count - begin < size ? part.count - begin : size;
      update(part.values + begin, part.gradient + begin, part.mean + begin, part.square + begin, count, factors);
    }
  }
}

}  // namespace dure::kernels
