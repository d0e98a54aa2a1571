#include "few_rows.h"

#include <cstring>
#include <vector>

#include "normal.h"
#include "variants.h"
#include "vectors.h"

namespace dure::kernels {
namespace {

constexpr std::int64_t kSum = 512;   // products that are added one after another, before the sum is set aside
constexpr std::int64_t kColumns = 128;  // of the input, turned by one thread at a time
constexpr std::int64_t kLine = 16;      // weights of a line of the cache

// Columns first, `lanes` rows side by side, `groups` times; rows that are missing are zeros.
void turn(const FewRows& product, std::int64_t lanes, std::int64_t groups, std::int64_t first, std::int64_t last,
          float* turned) {
  for (std::int64_t column = first; column < last; ++column) {
    float* line = turned + column * groups * lanes;
    for (std::int64_t row = 0; row < groups * lanes; ++row) {
      line[row] = row < product.num_rows ? product.input[row * product.num_inputs + column] : 0.0F;
    }
  }
}

// `kOutputs` outputs, from `first` on, for all rows of the input.
template <int kLanes, int kOutputs, int kGroups>
struct Outputs {
  DURE_INLINE static void run(const FewRows& product, const float* turned, std::int64_t first) {
    using Vector = VectorOf<kLanes>;
    const std::int64_t size = product.num_inputs;
    const float* weights[kOutputs];
    Vector total[kOutputs][kGroups];
    for (int i = 0; i < kOutputs; ++i) {
      weights[i] = product.weight + (first + i) * size;
      for (int group = 0; group < kGroups; ++group) total[i][group] = Vector{};
    }
    for (std::int64_t begin = 0; begin < size; begin += kSum) {
      const std::int64_t end = begin + kSum < size ? begin + kSum : size;
      Vector sum[kOutputs][kGroups] = {};
      for (std::int64_t column = begin; column < end; ++column) {
        if (column % kLine == 0) {  // a line of the cache: what the next call reads of each output's weights
          for (int i = 0; i < kOutputs; ++i) __builtin_prefetch(weights[i] + kOutputs * size + column, 0, 2);
        }
        const auto* lanes = reinterpret_cast<const Vector*>(turned + column * kGroups * kLanes);
#pragma GCC unroll 16
        for (int i = 0; i < kOutputs; ++i) {
#pragma GCC unroll 4
          for (int group = 0; group < kGroups; ++group) sum[i][group] += lanes[group] * weights[i][column];
        }
      }
      for (int i = 0; i < kOutputs; ++i) {
        for (int group = 0; group < kGroups; ++group) total[i][group] += sum[i][group];
      }
    }
    alignas(64) float values[kOutputs][kGroups * kLanes];
    std::memcpy(values, total, sizeof values);
    for (int i = 0; i < kOutputs; ++i) {
      const float bias = product.bias == nullptr ? 0.0F : product.bias[first + i];
      for (int lane = 0; lane < kGroups * kLanes; ++lane) values[i][lane] += bias;
      if (product.activation == Activation::kGelu) {
        for (int lane = 0; lane < kGroups * kLanes; ++lane) {
          const float x = values[i][lane];
          values[i][lane] = x * share_below(x, bell(x));
        }
      }
    }
    for (std::int64_t row = 0; row < product.num_rows; ++row) {
      float* result = product.result + row * product.num_outputs + first;
      for (int i = 0; i < kOutputs; ++i) result[i] = values[i][row];
      if (product.residual == nullptr) continue;
      const float* residual = product.residual + row * product.num_outputs + first;
      for (int i = 0; i < kOutputs; ++i) result[i] += residual[i];
    }
  }
};

using Run = void (*)(const FewRows&, const float*, std::int64_t);

// What runs for 1, 2, ... groups of rows: several outputs at a time, then one by one what is left over.
struct Table {
  std::int64_t num_lanes = 0, num_groups = 0;  // rows of a vector, and the most vectors
  Run several[4] = {}, one[4] = {};
  std::int64_t num_outputs[4] = {};
};

template <int kLanes, int k1, int k2, int k3, int k4>
Table table_of(Processor of) {
  return {kLanes,
          4,
          {compiled_for<Outputs<kLanes, k1, 1>>(of), compiled_for<Outputs<kLanes, k2, 2>>(of),
           compiled_for<Outputs<kLanes, k3, 3>>(of), compiled_for<Outputs<kLanes, k4, 4>>(of)},
          {compiled_for<Outputs<kLanes, 1, 1>>(of), compiled_for<Outputs<kLanes, 1, 2>>(of),
           compiled_for<Outputs<kLanes, 1, 3>>(of), compiled_for<Outputs<kLanes, 1, 4>>(of)},
          {k1, k2, k3, k4}};
}

// As many sums as the processor has registers for.
Table table_for(Processor of) {
  if (of == Processor::kBaseline) return {};
  if (of == Processor::kAvx2) return table_of<8, 8, 6, 4, 3>(of);
  return table_of<16, 8, 8, 6, 6>(of);
}

const Table best = table_for(processor());

}  // namespace

std::int64_t most_rows() { return best.num_groups * best.num_lanes; }

void multiply_few_rows(const FewRows& product) {
  if (product.num_rows < 1 || product.num_rows > most_rows()) return;
  const std::int64_t lanes = best.num_lanes, groups = (product.num_rows + lanes - 1) / lanes;
  const std::int64_t at_once = best.num_outputs[groups - 1];
  const std::int64_t num_pieces = product.num_outputs / at_once;
  thread_local std::vector<float> memory;
  memory.resize(static_cast<std::size_t>(product.num_inputs * groups * lanes));
  float* turned = memory.data();
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (std::int64_t first = 0; first < product.num_inputs; first += kColumns) {
      const std::int64_t last = first + kColumns < product.num_inputs ? first + kColumns : product.num_inputs;
      turn(product, lanes, groups, first, last, turned);
    }
#pragma omp for schedule(static) nowait
    for (std::int64_t piece = 0; piece < num_pieces; ++piece) {
      best.several[groups - 1](product, turned, piece * at_once);
    }
#pragma omp for schedule(static)
    for (std::int64_t output = num_pieces * at_once; output < product.num_outputs; ++output) {
      best.one[groups - 1](product, turned, output);
    }
  }
}

}  // namespace dure::kernels
