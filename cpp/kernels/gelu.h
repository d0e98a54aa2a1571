// The Gaussian error linear unit: Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)" (2016).
#pragma once

#include <cstdint>

namespace dure::kernels {

// result = x * P(X <= x) of a standard normal X; the derivative takes the place of x. Both are right to 3e-7 of
// max(1, |x|) where x is finite.
void gelu(float* values, float* result, std::int64_t count);

}  // namespace dure::kernels
