#include "dropout_mask.h"

#include <cstring>

#include "variants.h"

namespace dure::kernels {
namespace {

constexpr std::int64_t kPiece = 16384;  // values; of one seed and one thread
constexpr int kLanes = 16;              // generators side by side: two vectors of AVX-512
constexpr int kDraws = 4 * kLanes;      // 16-bit draws of all generators' next number
[[maybe_unused]] constexpr std::int64_t kFewPieces = 4;  // are done sooner than another thread begins

DURE_INLINE std::uint64_t rotate(std::uint64_t bits, int count) { return (bits << count) | (bits >> (64 - count)); }

DURE_INLINE std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t bits = (state += 0x9e3779b97f4a7c15);
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

DURE_INLINE void next_draws(std::uint64_t (&state)[4][kLanes], std::uint16_t (&draws)[kDraws]) {
  std::uint64_t numbers[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) {
    numbers[lane] = rotate(state[0][lane] + state[3][lane], 23) + state[0][lane];
    const std::uint64_t shifted = state[1][lane] << 17;
    state[2][lane] ^= state[0][lane];
    state[3][lane] ^= state[1][lane];
    state[1][lane] ^= state[2][lane];
    state[0][lane] ^= state[3][lane];
    state[2][lane] ^= shifted;
    state[3][lane] = rotate(state[3][lane], 45);
  }
  std::memcpy(draws, numbers, sizeof draws);
}

template <typename Value>
struct Fill {
  DURE_INLINE static void run(Value* mask, std::int64_t count, std::uint32_t threshold, Value kept, std::uint64_t seed) {
    std::uint64_t state[4][kLanes];
    for (auto& words : state) {
      for (auto& word : words) word = split_mix(seed);
    }
    std::uint16_t draws[kDraws];
    std::int64_t done = 0;
    for (; done + kDraws <= count; done += kDraws) {
      next_draws(state, draws);
      for (int i = 0; i < kDraws; ++i) mask[done + i] = draws[i] >= threshold ? kept : Value{};
    }
    next_draws(state, draws);
    for (std::int64_t i = 0; done + i < count; ++i) mask[done + i] = draws[i] >= threshold ? kept : Value{};
  }
};

const auto fill = compiled_for<Fill<float>>(processor());
const auto fill_half = compiled_for<Fill<std::uint16_t>>(processor());

template <typename Value, typename FillPiece>
void draw(Value* mask, std::int64_t count, std::uint32_t threshold, Value kept, std::uint64_t seed, FillPiece fill_piece) {
  const std::int64_t num_pieces = (count + kPiece - 1) / kPiece;
#pragma omp parallel for schedule(static) if (num_pieces > kFewPieces)
  for (std::int64_t piece = 0; piece < num_pieces; ++piece) {
    const std::int64_t begin = piece * kPiece;
    // An odd multiplier keeps the pieces' seeds apart.
    const std::uint64_t own_seed = seed + static_cast<std::uint64_t>(piece) * 0x632be59bd9b4e019;
    fill_piece(mask + begin, count - begin < kPiece ? count - begin : kPiece, threshold, kept, own_seed);
  }
}

}  // namespace

void draw_mask(float* mask, std::int64_t count, std::uint32_t threshold, float scale, std::uint64_t seed) {
  draw(mask, count, threshold, scale, seed, fill);
}

void draw_half_mask(std::uint16_t* mask, std::int64_t count, std::uint32_t threshold, std::uint64_t seed) {
  constexpr std::uint16_t kOne = 0x3f80;
  draw(mask, count, threshold, kOne, seed, fill_half);
}

}  // namespace dure::kernels
