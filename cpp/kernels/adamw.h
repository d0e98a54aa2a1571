// AdamW: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019), algorithm 2.
#pragma once

#include <cstdint>
#include <vector>

namespace dure::kernels {

// A parameter and what belongs to it, `count` values each; of a table, only some rows.
struct Weights {
  float* values;
  const float* gradient;
  float* mean;    // of the gradients
  float* square;  // of their squares
  std::int64_t count;
  const std::int64_t* rows;  // null: all values
  std::int64_t num_rows;
  std::int64_t row_size;
};

struct AdamW {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  double gradient_scale;  // gradients are multiplied with it
  std::int64_t step;      // 1 is the first
};

// One step, with each value read and written once.
void take_step(const std::vector<Weights>& weights, const AdamW& settings);

}  // namespace dure::kernels
