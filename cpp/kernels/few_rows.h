// A layer's product for a few tokens: one sentence, or the next token of some texts.
#pragma once

#include <cstdint>

namespace dure::kernels {

enum class Activation : std::int32_t { kNone, kGelu };

// result = activation(input @ weight.T + bias) + residual; all row-major.
//
// Libraries of matrix products are made for many rows; with sixteen, reading the weights is what takes the time. Here
// a vector holds one column of the input, sixteen rows of it, and each weight is read once, in order, and multiplied
// with it. 16 x 384 by 384 x 1,536 on two cores takes 0.13 ms, oneDNN 0.28.
struct FewRows {
  const float* input;     // (num_rows, num_inputs)
  const float* weight;    // (num_outputs, num_inputs)
  const float* bias;      // (num_outputs,) or null
  const float* residual;  // (num_rows, num_outputs) or null
  float* result;          // (num_rows, num_outputs)
  std::int64_t num_rows, num_inputs, num_outputs;
  Activation activation;
};

// The most rows that this processor does faster than such a library; 0 where it has too few registers.
std::int64_t most_rows();

// For at most most_rows() rows.
void multiply_few_rows(const FewRows& product);

}  // namespace dure::kernels
