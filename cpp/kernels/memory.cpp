#include "memory.h"

#include <cstdlib>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace dure::kernels {

bool keep_freed_memory([[maybe_unused]] std::size_t kept, [[maybe_unused]] std::size_t largest) {
#if defined(__GLIBC__)
  return mallopt(M_MMAP_THRESHOLD, static_cast<int>(largest)) == 1 &&
         mallopt(M_TRIM_THRESHOLD, static_cast<int>(kept)) == 1;
#else
  return false;
#endif
}

}  // namespace dure::kernels
