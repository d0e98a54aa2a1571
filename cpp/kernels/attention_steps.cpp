#include "attention_steps.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "half.h"
#include "normal.h"
#include "variants.h"
#include "vectors.h"

namespace dure::kernels {
namespace {

// exponential() of each lane that is at most 0; what is below -87 counts as that.
template <int kLanes>
DURE_INLINE VectorOf<kLanes> exponentials(VectorOf<kLanes> lanes) {
  constexpr float kLeast = -87.0F;
  float numbers[kLanes];
  std::memcpy(numbers, &lanes, sizeof numbers);
  for (float& number : numbers) number = exponential(number < kLeast ? kLeast : number);
  std::memcpy(&lanes, numbers, sizeof numbers);
  return lanes;
}

// How many numbers of a row count.
DURE_INLINE std::int64_t end_of(std::int64_t row, std::int64_t num_rows, std::int64_t count, std::int64_t fewer) {
  const std::int64_t missing = (num_rows - 1 - row) * fewer;
  return count > missing ? count - missing : 0;
}

template <int kLanes, int kRows, int kVectors>
struct Product {
  DURE_INLINE static void run(Left left, Rows right, std::int64_t depth, Rows result) {
    using Vector = VectorOf<kLanes>;
    Vector sum[kRows][kVectors] = {};
    for (std::int64_t i = 0; i < depth; ++i) {
      const auto* line = reinterpret_cast<const Vector*>(right.numbers + i * right.stride);
      const float* column = left.numbers + i * left.step;
#pragma GCC unroll 8
      for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
        for (int part = 0; part < kVectors; ++part) sum[row][part] += column[row * left.stride] * line[part];
      }
    }
    for (int row = 0; row < kRows; ++row) {
      auto* line = reinterpret_cast<Vector*>(result.numbers + row * result.stride);
      for (int part = 0; part < kVectors; ++part) line[part] = sum[row][part];
    }
  }
};

template <int kLanes>
struct Softmax {
  DURE_INLINE static void run(Rows scores, std::int64_t num_rows, std::int64_t count, std::int64_t fewer,
                              std::int64_t padded, float* factors, float* logs) {
    using Vector = VectorOf<kLanes>;
    constexpr float kLowest = std::numeric_limits<float>::lowest();
    for (std::int64_t row = 0; row < num_rows; ++row) {
      float* line = scores.numbers + row * scores.stride;
      const std::int64_t end = end_of(row, num_rows, count, fewer);
      for (std::int64_t i = end; i < padded; ++i) line[i] = kLowest;
      Vector most = vector_at<kLanes>(line);
      for (std::int64_t i = kLanes; i < padded; i += kLanes) most = Larger::of(most, vector_at<kLanes>(line + i));
      most = reduce<Larger, kLanes>(most);
      Vector sum{};
      for (std::int64_t i = 0; i < padded; i += kLanes) {
        const Vector power = exponentials<kLanes>(vector_at<kLanes>(line + i) - most);
        vector_at<kLanes>(line + i) = power;
        sum += power;
      }
      for (std::int64_t i = end; i < padded; ++i) line[i] = 0.0F;  // e^-87 until here
      const float total = reduce<Add, kLanes>(sum)[0];
      factors[row] = 1.0F / total;
      if (logs != nullptr) logs[row] = most[0] + std::log(total);
    }
  }
};

template <int kLanes>
struct SoftmaxBackward {
  DURE_INLINE static void run(Rows scores, Rows gradients, Rows dropped, const float* mask, std::int64_t num_rows,
                              std::int64_t count, std::int64_t fewer, std::int64_t padded, std::int64_t num_keys,
                              const float* logs, float scale) {
    using Vector = VectorOf<kLanes>;
    for (std::int64_t row = 0; row < num_rows; ++row) {
      float* line = scores.numbers + row * scores.stride;
      float* gradient = gradients.numbers + row * gradients.stride;
      float* weights = dropped.numbers + row * dropped.stride;
      const std::int64_t end = end_of(row, num_rows, count, fewer);
      for (std::int64_t i = 0; i < padded; i += kLanes) {
        vector_at<kLanes>(line + i) = exponentials<kLanes>(vector_at<kLanes>(line + i) - logs[row]);
      }
      for (std::int64_t i = end; i < padded; ++i) line[i] = gradient[i] = 0.0F;
      if (mask != nullptr) {
        const float* kept = mask + row * num_keys;
        for (std::int64_t i = 0; i < end; ++i) {
          weights[i] = line[i] * kept[i];
          gradient[i] *= kept[i];
        }
      } else {
        for (std::int64_t i = 0; i < end; ++i) weights[i] = line[i];
      }
      for (std::int64_t i = end; i < padded; ++i) weights[i] = 0.0F;
      Vector sum{};
      for (std::int64_t i = 0; i < padded; i += kLanes) {
        sum += vector_at<kLanes>(line + i) * vector_at<kLanes>(gradient + i);
      }
      const Vector mean = reduce<Add, kLanes>(sum);
      for (std::int64_t i = 0; i < padded; i += kLanes) {
        Vector& lanes = vector_at<kLanes>(gradient + i);
        lanes = vector_at<kLanes>(line + i) * (lanes - mean) * scale;
      }
    }
  }
};

struct Drop {
  DURE_INLINE static void run(Rows weights, std::int64_t num_rows, std::int64_t count, const float* mask) {
    for (std::int64_t row = 0; row < num_rows; ++row) {
      float* line = weights.numbers + row * weights.stride;
      for (std::int64_t i = 0; i < count; ++i) line[i] *= mask[row * count + i];
    }
  }
};

struct Gather {
  DURE_INLINE static void run(const void* tokens, bool is_half, std::int64_t place, std::int64_t stride,
                              std::int64_t count, Rows result) {
    for (std::int64_t token = 0; token < count; ++token) {
      float* line = result.numbers + token * result.stride;
      if (is_half) {
        const auto* halves = static_cast<const std::uint16_t*>(tokens) + place + token * stride;
        for (std::int64_t i = 0; i < result.stride; ++i) line[i] = wide(halves[i]);
      } else {
        const auto* numbers = static_cast<const float*>(tokens) + place + token * stride;
        for (std::int64_t i = 0; i < result.stride; ++i) line[i] = numbers[i];
      }
    }
  }
};

template <int kLanes>
struct Turn {
  DURE_INLINE static void run(Rows tokens, std::int64_t count, std::int64_t size, float scale, Rows result) {
    using Vector = VectorOf<kLanes>;
    for (std::int64_t group = 0; group < result.stride; group += kLanes) {
      for (std::int64_t i = 0; i < size; i += kLanes) {
        Vector block[kLanes];
        for (std::int64_t row = 0; row < kLanes; ++row) {
          const float* line = tokens.numbers + (group + row) * tokens.stride + i;
          block[row] = group + row < count ? vector_at<kLanes>(line) * scale : Vector{};
        }
        transpose<kLanes>(block);
        for (std::int64_t row = 0; row < kLanes; ++row) {
          vector_at<kLanes>(result.numbers + (i + row) * result.stride + group) = block[row];
        }
      }
    }
  }
};

struct Write {
  DURE_INLINE static void run(Rows rows, const float* factors, std::int64_t num_rows, std::int64_t size, void* written,
                              std::int64_t place, std::int64_t stride, bool is_half) {
    for (std::int64_t row = 0; row < num_rows; ++row) {
      const float* numbers = rows.numbers + row * rows.stride;
      const float factor = factors == nullptr ? 1.0F : factors[row];
      const std::int64_t first = place + row * stride;
      if (is_half) {
        auto* result = static_cast<std::uint16_t*>(written) + first;
        for (std::int64_t i = 0; i < size; ++i) result[i] = narrow(numbers[i] * factor);
      } else {
        auto* result = static_cast<float*>(written) + first;
        for (std::int64_t i = 0; i < size; ++i) result[i] = numbers[i] * factor;
      }
    }
  }
};

// Products kVectors wide and as many rows high as there are numbers `kBefore`.
template <int kLanes, int kVectors, int... kBefore>
Steps steps_of(Processor of, std::integer_sequence<int, kBefore...>) {
  return {sizeof...(kBefore),
          kLanes * kVectors,
          {compiled_for<Product<kLanes, kBefore + 1, kVectors>>(of)...},
          {compiled_for<Product<kLanes, kBefore + 1, kUnit / kLanes>>(of)...},
          compiled_for<Softmax<kLanes>>(of),
          compiled_for<SoftmaxBackward<kLanes>>(of),
          compiled_for<Drop>(of),
          compiled_for<Gather>(of),
          compiled_for<Turn<kLanes>>(of),
          compiled_for<Write>(of)};
}

// As many sums as the processor has registers for.
Steps steps_for(Processor of) {
  if (of == Processor::kBaseline) return {};
  if (of == Processor::kAvx2) return steps_of<8, 2>(of, std::make_integer_sequence<int, 6>{});
  return steps_of<16, 2>(of, std::make_integer_sequence<int, 8>{});
}

}  // namespace

const Steps& steps() {
  static const Steps best = steps_for(processor());
  return best;
}

void Steps::multiply(Left left, std::int64_t height, Rows right, std::int64_t wide, std::int64_t depth,
                     Rows result) const {
  for (std::int64_t row = 0; row < height; row += num_rows) {
    const std::int64_t count = height - row < num_rows ? height - row : num_rows;
    const Left block{left.numbers + row * left.stride, left.stride, left.step};
    for (std::int64_t i = 0; i < wide; i += width) {
      const auto& those = wide - i < width ? narrow_products : products;
      those[count - 1](block, {right.numbers + i, right.stride}, depth,
                       {result.numbers + row * result.stride + i, result.stride});
    }
  }
}

}  // namespace dure::kernels
