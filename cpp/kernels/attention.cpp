#include "attention.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "half.h"
#include "normal.h"
#include "variants.h"
#include "vectors.h"

namespace dure::kernels {
namespace {

constexpr std::int64_t kUnit = 16;  // numbers that lines are filled up to
constexpr int kMostRows = 8;
[[maybe_unused]] constexpr std::int64_t kFewProducts = 1 << 17;  // are done sooner than another thread begins
constexpr std::int64_t kFewQueries = 64;  // are not worth another thread, which turns the keys again

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

// Numbers in rows, `stride` apart.
struct Rows {
  float* numbers;
  std::int64_t stride;
};

// result = left @ right, `kRows` rows high and `kVectors` vectors wide.
template <int kLanes, int kRows, int kVectors>
struct Product {
  DURE_INLINE static void run(Rows left, Rows right, std::int64_t depth, Rows result) {
    using Vector = VectorOf<kLanes>;
    Vector sum[kRows][kVectors] = {};
    for (std::int64_t i = 0; i < depth; ++i) {
      const auto* line = reinterpret_cast<const Vector*>(right.numbers + i * right.stride);
#pragma GCC unroll 8
      for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
        for (int part = 0; part < kVectors; ++part) sum[row][part] += left.numbers[row * left.stride + i] * line[part];
      }
    }
    for (int row = 0; row < kRows; ++row) {
      auto* line = reinterpret_cast<Vector*>(result.numbers + row * result.stride);
      for (int part = 0; part < kVectors; ++part) line[part] = sum[row][part];
    }
  }
};

// Each row's softmax, but for a factor that is left for the end. Rows are `padded` numbers long; of the last row
// `count` count, and of each row before it `fewer` less.
template <int kLanes>
struct Softmax {
  DURE_INLINE static void run(Rows scores, std::int64_t num_rows, std::int64_t count, std::int64_t fewer,
                              std::int64_t padded, float* factors) {
    using Vector = VectorOf<kLanes>;
    constexpr float kLowest = std::numeric_limits<float>::lowest();
    for (std::int64_t row = 0; row < num_rows; ++row) {
      float* line = scores.numbers + row * scores.stride;
      const std::int64_t missing = (num_rows - 1 - row) * fewer, end = count > missing ? count - missing : 0;
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
      factors[row] = 1.0F / reduce<Add, kLanes>(sum)[0];
    }
  }
};

// A head's numbers of each token, side by side in float32. Where they lie, each has its line of the cache, and all of
// them few places there: a hidden size is a multiple of a large power of two.
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

// Each token's numbers a column, times `scale`; columns that pad the rows are zeros.
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

// Rows times their factors, as they are returned.
struct Write {
  DURE_INLINE static void run(Rows rows, const float* factors, std::int64_t num_rows, std::int64_t size, void* context,
                              std::int64_t place, std::int64_t stride, bool is_half) {
    for (std::int64_t row = 0; row < num_rows; ++row) {
      const float* numbers = rows.numbers + row * rows.stride;
      const std::int64_t first = place + row * stride;
      if (is_half) {
        auto* result = static_cast<std::uint16_t*>(context) + first;
        for (std::int64_t i = 0; i < size; ++i) result[i] = narrow(numbers[i] * factors[row]);
      } else {
        auto* result = static_cast<float*>(context) + first;
        for (std::int64_t i = 0; i < size; ++i) result[i] = numbers[i] * factors[row];
      }
    }
  }
};

using Multiply = void (*)(Rows, Rows, std::int64_t, Rows);

struct Variant {
  std::int64_t num_rows = 0, width = 0;      // of a product, the most; of `products`
  Multiply products[kMostRows] = {};         // for 1, 2, ... rows
  Multiply narrow_products[kMostRows] = {};  // kUnit wide
  decltype(compiled_for<Softmax<8>>(Processor{})) softmax = nullptr;
  decltype(compiled_for<Gather>(Processor{})) gather = nullptr;
  decltype(compiled_for<Turn<8>>(Processor{})) turn = nullptr;
  decltype(compiled_for<Write>(Processor{})) write = nullptr;
};

// kVectors wide, as many sums as the processor has registers for.
template <int kLanes, int kVectors, int... kBefore>
Variant variant_of(Processor of, std::integer_sequence<int, kBefore...>) {
  return {sizeof...(kBefore),
          kLanes * kVectors,
          {compiled_for<Product<kLanes, kBefore + 1, kVectors>>(of)...},
          {compiled_for<Product<kLanes, kBefore + 1, kUnit / kLanes>>(of)...},
          compiled_for<Softmax<kLanes>>(of),
          compiled_for<Gather>(of),
          compiled_for<Turn<kLanes>>(of),
          compiled_for<Write>(of)};
}

Variant variant_for(Processor of) {
  if (of == Processor::kBaseline) return {};
  if (of == Processor::kAvx2) return variant_of<8, 2>(of, std::make_integer_sequence<int, 6>{});
  return variant_of<16, 2>(of, std::make_integer_sequence<int, 8>{});
}

const Variant best = variant_for(processor());

// `num_rows` rows, all columns of `right`, whose number is a multiple of kUnit.
void multiply(Rows left, std::int64_t num_rows, Rows right, std::int64_t width, std::int64_t depth, Rows result) {
  for (std::int64_t i = 0; i < width; i += best.width) {
    const auto& products = width - i < best.width ? best.narrow_products : best.products;
    products[num_rows - 1](left, {right.numbers + i, right.stride}, depth, {result.numbers + i, result.stride});
  }
}

// One text and one head.
class Head {
 public:
  Head(const Attention& attention, std::int64_t text, std::int64_t head, std::vector<float>& memory)
      : attention_{attention}, text_{text}, head_{head}, span_{attention.spans[text]} {
    const std::int64_t size = attention.head_size;
    num_keys_ = span_.end_of_keys - span_.first_key;
    padded_ = (num_keys_ + kUnit - 1) / kUnit * kUnit;
    memory.resize(static_cast<std::size_t>((padded_ + num_keys_) * size + kMostRows * (padded_ + 2 * size)));
    turned_ = {memory.data(), padded_};
    scores_ = {turned_.numbers + padded_ * size, padded_};
    asked_ = {scores_.numbers + kMostRows * padded_, size};
    found_ = {asked_.numbers + kMostRows * size, size};
    copied_ = {found_.numbers + kMostRows * size, size};
  }

  // The `part`th of `num_parts` parts of the queries.
  void run(std::int64_t part, std::int64_t num_parts) const {
    const std::int64_t size = attention_.head_size, width = attention_.num_heads * size;
    const std::int64_t num_queries = span_.end_of_queries - span_.first_query;
    const std::int64_t begin = span_.first_query + num_queries * part / num_parts;
    const std::int64_t end = span_.first_query + num_queries * (part + 1) / num_parts;
    const std::int64_t key_head = head_ * attention_.num_key_heads / attention_.num_heads;
    const Rows keys = rows(attention_.key, key_head, span_.first_key, num_keys_, copied_);
    best.turn(keys, num_keys_, size, attention_.scale, turned_);
    const Rows values = gather(attention_.value, key_head, span_.first_key, num_keys_, copied_);
    for (std::int64_t first = begin; first < end; first += best.num_rows) {
      const std::int64_t num_rows = std::min(best.num_rows, end - first);
      const std::int64_t later = span_.end_of_queries - first - num_rows;
      const std::int64_t count = attention_.is_causal ? std::max<std::int64_t>(num_keys_ - later, 0) : num_keys_;
      const std::int64_t padded = std::max((count + kUnit - 1) / kUnit, std::int64_t{1}) * kUnit;
      multiply(rows(attention_.query, head_, first, num_rows, asked_), num_rows, turned_, padded, size, scores_);
      float factors[kMostRows];
      best.softmax(scores_, num_rows, count, attention_.is_causal ? 1 : 0, padded, factors);
      multiply(scores_, num_rows, values, size, count, found_);
      best.write(found_, factors, num_rows, size, attention_.context, first * width + head_ * size, width,
                 attention_.is_half);
    }
  }

 private:
  // Of `count` tokens from `first` on: where they lie, if they are float32 and read once.
  [[nodiscard]] Rows rows(const Tokens& tokens, std::int64_t head, std::int64_t first, std::int64_t count,
                          Rows copy) const {
    if (attention_.is_half) return gather(tokens, head, first, count, copy);
    auto* numbers = const_cast<float*>(static_cast<const float*>(tokens.numbers));  // nobody writes to them
    return {numbers + place(tokens, head, first), tokens.token_stride};
  }

  [[nodiscard]] Rows gather(const Tokens& tokens, std::int64_t head, std::int64_t first, std::int64_t count,
                            Rows result) const {
    best.gather(tokens.numbers, attention_.is_half, place(tokens, head, first), tokens.token_stride, count, result);
    return result;
  }

  [[nodiscard]] std::int64_t place(const Tokens& tokens, std::int64_t head, std::int64_t token) const {
    return text_ * tokens.text_stride + head * tokens.head_stride + token * tokens.token_stride;
  }

  const Attention& attention_;
  std::int64_t text_, head_;
  Span span_;
  std::int64_t num_keys_ = 0, padded_ = 0;
  Rows turned_{}, scores_{}, asked_{}, found_{}, copied_{};
};

std::int64_t max_threads() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

}  // namespace

std::int64_t head_size_unit() { return best.num_rows > 0 ? kUnit : 0; }

void attend(const Attention& attention) {
  if (best.num_rows == 0) return;
  [[maybe_unused]] std::int64_t num_products = 0;
  std::int64_t most_queries = 0;
  for (std::int64_t text = 0; text < attention.num_texts; ++text) {
    const Span& span = attention.spans[text];
    const std::int64_t num_queries = span.end_of_queries - span.first_query;
    num_products += num_queries * (span.end_of_keys - span.first_key) * attention.num_heads * attention.head_size;
    most_queries = std::max(most_queries, num_queries);
  }
  const std::int64_t num_heads = attention.num_texts * attention.num_heads;
  std::int64_t num_parts = 1;
  while (num_parts * num_heads < max_threads() && most_queries / num_parts > kFewQueries) ++num_parts;
#pragma omp parallel if (num_products > kFewProducts)
  {
    thread_local std::vector<float> memory;
#pragma omp for schedule(static)
    for (std::int64_t piece = 0; piece < num_heads * num_parts; ++piece) {
      const std::int64_t head = piece / num_parts;
      Head{attention, head / attention.num_heads, head % attention.num_heads, memory}.run(piece % num_parts, num_parts);
    }
  }
}

}  // namespace dure::kernels
