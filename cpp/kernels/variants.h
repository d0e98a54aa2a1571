// One loop, compiled for several instruction sets; the best that the processor has is chosen once.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__)
#define DURE_HAS_VARIANTS 1
#define DURE_AVX2 __attribute__((target("avx2,fma,bmi2")))
#if defined(__clang__)  // refuses the preference for whole vectors
#define DURE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2")))
#else
#define DURE_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2,prefer-vector-width=512")))
#endif
#endif

// What a variant calls must be compiled as part of it.
#if defined(__GNUC__)
#define DURE_INLINE [[gnu::always_inline]] inline
#else
#define DURE_INLINE inline
#endif

namespace dure::kernels {

template <typename Function>
Function best_of([[maybe_unused]] Function baseline, [[maybe_unused]] Function avx2, [[maybe_unused]] Function avx512) {
#ifdef DURE_HAS_VARIANTS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2;
#endif
  return baseline;
}

}  // namespace dure::kernels
