// What to multiply values with where some are dropped: zero, or the inverse of the share that is kept.
#pragma once

#include <cstdint>

namespace dure::kernels {

// Fills `mask` with 0 where one of 2^16 equally likely draws is below `threshold`, else with `scale`. The same seed
// gives the same mask, whatever the number of threads.
//
// Draws are 16 bits of xoshiro256++ (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2021), many
// generators side by side, seeded anew for each piece by splitmix64 (Steele et al., "Fast Splittable Pseudorandom
// Number Generators", 2014).
void draw_mask(float* mask, std::int64_t count, std::uint32_t threshold, float scale, std::uint64_t seed);

// The same draws in bfloat16, 0 or 1: a scale would be rounded.
void draw_half_mask(std::uint16_t* mask, std::int64_t count, std::uint32_t threshold, std::uint64_t seed);

}  // namespace dure::kernels
