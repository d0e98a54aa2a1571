// What attention and its gradient are made of, each compiled for several instruction sets.
#pragma once

#include <cstdint>

namespace dure::kernels {

constexpr std::int64_t kUnit = 16;  // numbers that lines are filled up to
constexpr int kMostRows = 8;        // of a product

// Numbers in rows, `stride` apart.
struct Rows {
  float* numbers;
  std::int64_t stride;
};

// As Rows, of which one may be read along columns: `step` from a number to the next.
struct Left {
  const float* numbers;
  std::int64_t stride, step;
};

using Multiply = void (*)(Left, Rows, std::int64_t depth, Rows result);

struct Steps {
  std::int64_t num_rows, width;         // of a product, the most; of `products`
  Multiply products[kMostRows];         // left @ right, for 1, 2, ... rows
  Multiply narrow_products[kMostRows];  // kUnit wide

  // Each row's softmax, but for a factor that is left for the end; and the logarithm of the sum of its powers of e. Rows
  // are `padded` numbers long; of the last row `count` count, and of each row before it `fewer` less.
  void (*softmax)(Rows scores, std::int64_t num_rows, std::int64_t count, std::int64_t fewer, std::int64_t padded,
                  float* factors, float* logs);

  // Scores become the weights before any was dropped, and their gradients become those of the scores. `gradients` are of
  // the dropped weights, which `dropped` becomes; `mask` is what weights were multiplied with, or null.
  void (*softmax_backward)(Rows scores, Rows gradients, Rows dropped, const float* mask, std::int64_t num_rows,
                           std::int64_t count, std::int64_t fewer, std::int64_t padded, std::int64_t num_keys,
                           const float* logs, float scale);

  // Rows times a mask, whose rows are `count` long.
  void (*drop)(Rows weights, std::int64_t num_rows, std::int64_t count, const float* mask);

  // A head's numbers of each token, side by side in float32. Where they lie, each has its line of the cache, and all of
  // them few places there: a hidden size is a multiple of a large power of two.
  void (*gather)(const void* tokens, bool is_half, std::int64_t place, std::int64_t stride, std::int64_t count, Rows result);

  // Each token's numbers a column, times `scale`; columns that fill up the rows are zeros.
  void (*turn)(Rows tokens, std::int64_t count, std::int64_t size, float scale, Rows result);

  // Rows times their factors (1 if null), as they are returned.
  void (*write)(Rows rows, const float* factors, std::int64_t num_rows, std::int64_t size, void* result,
                std::int64_t place, std::int64_t stride, bool is_half);

  // `num_rows` rows, all columns of `right`, whose number is a multiple of kUnit.
  void multiply(Left left, std::int64_t height, Rows right, std::int64_t wide, std::int64_t depth, Rows result) const;
};

// Those for this processor; `num_rows` is 0 where there are none.
const Steps& steps();

constexpr std::int64_t padded_to_unit(std::int64_t count) { return (count + kUnit - 1) / kUnit * kUnit; }

}  // namespace dure::kernels
