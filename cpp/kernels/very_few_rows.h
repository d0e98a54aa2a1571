// A layer's product for one to four tokens, in float32 or bfloat16: the next token of a text, or of its beams.
#pragma once

#include <cstdint>

namespace dure::kernels {

// result = input @ weight.T + bias, all row-major and of one type; sums are float32, and rounded once.
//
// A vector runs along the inputs of an output. Nothing but the weights is read from memory, and these in order: half as
// many bytes in bfloat16 take half the time.
struct VeryFewRows {
  const void* input;   // (num_rows, num_inputs)
  const void* weight;  // (num_outputs, num_inputs)
  const void* bias;    // (num_outputs,) or null
  void* result;        // (num_rows, num_outputs)
  std::int64_t num_rows, num_inputs, num_outputs;
  bool is_half;  // bfloat16
};

// The most rows; 0 on processors without wide vectors.
std::int64_t most_rows_along_inputs();

// For at most that many rows, and a multiple of 32 inputs.
void multiply_very_few_rows(const VeryFewRows& product);

}  // namespace dure::kernels
