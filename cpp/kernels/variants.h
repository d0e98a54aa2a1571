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

enum class Processor { kBaseline, kAvx2, kAvx512 };

// The one this runs on.
inline Processor processor() {
#ifdef DURE_HAS_VARIANTS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return Processor::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Processor::kAvx2;
#endif
  return Processor::kBaseline;
}

template <typename Body, typename... Arguments>
void run_baseline(Arguments... arguments) {
  Body::run(arguments...);
}

#ifdef DURE_HAS_VARIANTS
template <typename Body, typename... Arguments>
DURE_AVX2 void run_avx2(Arguments... arguments) {
  Body::run(arguments...);
}

template <typename Body, typename... Arguments>
DURE_AVX512 void run_avx512(Arguments... arguments) {
  Body::run(arguments...);
}
#endif

template <typename Body, typename... Arguments>
auto choose(void (*)(Arguments...), [[maybe_unused]] Processor processor) -> void (*)(Arguments...) {
#ifdef DURE_HAS_VARIANTS
  if (processor == Processor::kAvx512) return run_avx512<Body, Arguments...>;
  if (processor == Processor::kAvx2) return run_avx2<Body, Arguments...>;
#endif
  return run_baseline<Body, Arguments...>;
}

// `Body::run`, a static function that is DURE_INLINE, compiled for a processor.
template <typename Body>
auto compiled_for(Processor processor) {
  return choose<Body>(static_cast<decltype(&Body::run)>(nullptr), processor);
}

}  // namespace dure::kernels
