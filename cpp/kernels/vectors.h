// Vectors as wide as the processor's: 16 numbers with AVX-512, 8 with AVX2. Compilers keep wider ones in memory, which
// is ten times slower.
#pragma once

#include <cstdint>
#include <utility>

#include "variants.h"

namespace dure::kernels {

template <int kLanes>
struct Vectors;

template <>
struct Vectors<8> {
  using Floats = float __attribute__((vector_size(32), aligned(4), may_alias));
  using Words = std::uint32_t __attribute__((vector_size(32), aligned(2), may_alias));
  using Lanes = std::make_integer_sequence<int, 8>;
};

template <>
struct Vectors<16> {
  using Floats = float __attribute__((vector_size(64), aligned(4), may_alias));
  using Words = std::uint32_t __attribute__((vector_size(64), aligned(2), may_alias));
  using Lanes = std::make_integer_sequence<int, 16>;
};

template <int kLanes>
using VectorOf = typename Vectors<kLanes>::Floats;

template <int kLanes>
DURE_INLINE VectorOf<kLanes>& vector_at(float* numbers) {
  return *reinterpret_cast<VectorOf<kLanes>*>(numbers);
}

template <int kLanes>
DURE_INLINE const VectorOf<kLanes>& vector_at(const float* numbers) {
  return *reinterpret_cast<const VectorOf<kLanes>*>(numbers);
}

// In each lane what the lane `kDistance` away has.
template <int kDistance, typename Vector, int... kLane>
DURE_INLINE Vector partners(Vector lanes, std::integer_sequence<int, kLane...>) {
  return __builtin_shufflevector(lanes, lanes, (kLane ^ kDistance)...);
}

struct Add {
  template <typename Vector>
  DURE_INLINE static Vector of(Vector left, Vector right) {
    return left + right;
  }
};

struct Larger {
  template <typename Vector>
  DURE_INLINE static Vector of(Vector left, Vector right) {
    return left < right ? right : left;
  }
};

// In every lane, what `Operation` makes of all lanes.
template <typename Operation, int kLanes, int kDistance = kLanes / 2>
DURE_INLINE VectorOf<kLanes> reduce(VectorOf<kLanes> lanes) {
  lanes = Operation::of(lanes, partners<kDistance>(lanes, typename Vectors<kLanes>::Lanes{}));
  if constexpr (kDistance > 1) {
    return reduce<Operation, kLanes, kDistance / 2>(lanes);
  } else {
    return lanes;
  }
}

// Swaps the blocks off the diagonal of (first, second), `kDistance` lanes wide.
template <int kDistance, typename Vector, int... kLane>
DURE_INLINE void exchange(Vector& first, Vector& second, std::integer_sequence<int, kLane...>) {
  constexpr int kLanes = sizeof...(kLane);
  const Vector upper = first, lower = second;
  first = __builtin_shufflevector(upper, lower, ((kLane & kDistance) != 0 ? kLane - kDistance + kLanes : kLane)...);
  second = __builtin_shufflevector(upper, lower, ((kLane & kDistance) != 0 ? kLane + kLanes : kLane + kDistance)...);
}

// Rows become columns, in as many steps as halving takes.
template <int kLanes, int kDistance = kLanes / 2>
DURE_INLINE void transpose(VectorOf<kLanes> (&rows)[kLanes]) {
#pragma GCC unroll 16
  for (int row = 0; row < kLanes; ++row) {
    if ((row & kDistance) != 0) continue;
    exchange<kDistance>(rows[row], rows[row + kDistance], typename Vectors<kLanes>::Lanes{});
  }
  if constexpr (kDistance > 1) transpose<kLanes, kDistance / 2>(rows);
}

}  // namespace dure::kernels
