#include "very_few_rows.h"

#include <cstring>
#include <vector>

#include "half.h"
#include "variants.h"
#include "vectors.h"

namespace dure::kernels {
namespace {

constexpr int kMostRows = 4;

template <int kLanes>
DURE_INLINE float sum_of(const VectorOf<kLanes>& lanes) {
  float values[kLanes];
  std::memcpy(values, &lanes, sizeof values);
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) values[i] += values[i + half];
  }
  return values[0];
}

// Inputs as the loop reads them: float32; of bfloat16 those at even places of two vectors, then those at odd ones, as a
// 32-bit word of weights holds them.
void spread(const VeryFewRows& product, std::int64_t lanes, float* spread_inputs) {
  const std::int64_t count = product.num_rows * product.num_inputs;
  if (!product.is_half) {
    std::memcpy(spread_inputs, product.input, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  const auto* input = static_cast<const std::uint16_t*>(product.input);
  for (std::int64_t i = 0; i < count; i += 2 * lanes) {
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      spread_inputs[i + lane] = wide(input[i + 2 * lane]);
      spread_inputs[i + lanes + lane] = wide(input[i + 2 * lane + 1]);
    }
  }
}

template <int kLanes, bool kIsHalf, int kOutputs, int kRows>
struct Outputs {
  DURE_INLINE static void run(const VeryFewRows& product, const float* inputs, std::int64_t first) {
    using Floats = typename Vectors<kLanes>::Floats;
    using Words = typename Vectors<kLanes>::Words;
    constexpr std::int64_t kSize = kIsHalf ? 2 : 4;    // bytes of a weight
    constexpr std::int64_t kStep = kLanes * 4;         // bytes of a vector
    const std::int64_t row_bytes = product.num_inputs * kSize;
    const char* weights = static_cast<const char*>(product.weight) + first * row_bytes;
    Floats sums[kOutputs][kRows] = {};
    for (std::int64_t byte = 0; byte < row_bytes; byte += kStep) {
      const float* columns = inputs + byte / kSize;
#pragma GCC unroll 8
      for (int i = 0; i < kOutputs; ++i) {
        const char* place = weights + i * row_bytes + byte;
        __builtin_prefetch(place + kOutputs * row_bytes, 0, 2);
        if constexpr (kIsHalf) {
          const Words pairs = *reinterpret_cast<const Words*>(place);
          const auto even = (Floats)(pairs << 16), odd = (Floats)(pairs & 0xffff0000);  // NOLINT: of the same bits
#pragma GCC unroll 4
          for (int row = 0; row < kRows; ++row) {
            const float* column = columns + row * product.num_inputs;
            sums[i][row] += even * *reinterpret_cast<const Floats*>(column);
            sums[i][row] += odd * *reinterpret_cast<const Floats*>(column + kLanes);
          }
        } else {
          const Floats line = *reinterpret_cast<const Floats*>(place);
#pragma GCC unroll 4
          for (int row = 0; row < kRows; ++row) {
            sums[i][row] += line * *reinterpret_cast<const Floats*>(columns + row * product.num_inputs);
          }
        }
      }
    }
    for (int i = 0; i < kOutputs; ++i) {
      for (int row = 0; row < kRows; ++row) {
        const std::int64_t place = row * product.num_outputs + first + i;
        float value = sum_of<kLanes>(sums[i][row]);
        if constexpr (kIsHalf) {
          if (product.bias != nullptr) value += wide(static_cast<const std::uint16_t*>(product.bias)[first + i]);
          static_cast<std::uint16_t*>(product.result)[place] = narrow(value);
        } else {
          if (product.bias != nullptr) value += static_cast<const float*>(product.bias)[first + i];
          static_cast<float*>(product.result)[place] = value;
        }
      }
    }
  }
};

using Run = void (*)(const VeryFewRows&, const float*, std::int64_t);

// What runs for 1, 2, ... rows: several outputs at a time, then one by one what is left over.
struct Table {
  Run several[kMostRows] = {}, one[kMostRows] = {};
};

template <int kLanes, bool kIsHalf, int k1, int k2, int k3, int k4>
Table table_of(Processor of) {
  return {{compiled_for<Outputs<kLanes, kIsHalf, k1, 1>>(of), compiled_for<Outputs<kLanes, kIsHalf, k2, 2>>(of),
           compiled_for<Outputs<kLanes, kIsHalf, k3, 3>>(of), compiled_for<Outputs<kLanes, kIsHalf, k4, 4>>(of)},
          {compiled_for<Outputs<kLanes, kIsHalf, 1, 1>>(of), compiled_for<Outputs<kLanes, kIsHalf, 1, 2>>(of),
           compiled_for<Outputs<kLanes, kIsHalf, 1, 3>>(of), compiled_for<Outputs<kLanes, kIsHalf, 1, 4>>(of)}};
}

struct Variant {
  std::int64_t num_lanes = 0, most_rows = 0;
  std::int64_t num_outputs[kMostRows] = {};
  Table of_floats = {}, of_halves = {};
};

template <int kLanes, int k1, int k2, int k3, int k4>
Variant variant_of(Processor of) {
  return {kLanes, kMostRows, {k1, k2, k3, k4}, table_of<kLanes, false, k1, k2, k3, k4>(of),
          table_of<kLanes, true, k1, k2, k3, k4>(of)};
}

// As many sums as the processor has registers for.
Variant variant_for(Processor of) {
  if (of == Processor::kBaseline) return {};
  if (of == Processor::kAvx2) return variant_of<8, 8, 4, 3, 2>(of);
  return variant_of<16, 8, 8, 4, 4>(of);
}

const Variant best = variant_for(processor());

}  // namespace

std::int64_t most_rows_along_inputs() { return best.most_rows; }

void multiply_very_few_rows(const VeryFewRows& product) {
  if (product.num_rows < 1 || product.num_rows > best.most_rows) return;
  const auto rows = static_cast<std::size_t>(product.num_rows - 1);
  const Table& table = product.is_half ? best.of_halves : best.of_floats;
  const std::int64_t at_once = best.num_outputs[rows];
  const std::int64_t num_pieces = product.num_outputs / at_once;
  thread_local std::vector<float> memory;
  memory.resize(static_cast<std::size_t>(product.num_rows * product.num_inputs));
  float* inputs = memory.data();
  spread(product, best.num_lanes, inputs);
#pragma omp parallel
  {
#pragma omp for schedule(static) nowait
    for (std::int64_t piece = 0; piece < num_pieces; ++piece) {
      table.several[rows](product, inputs, piece * at_once);
    }
#pragma omp for schedule(static)
    for (std::int64_t output = num_pieces * at_once; output < product.num_outputs; ++output) {
      table.one[rows](product, inputs, output);
    }
  }
}

}  // namespace dure::kernels
