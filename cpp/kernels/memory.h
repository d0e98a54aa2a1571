// The allocator that torch's tensors on a CPU come from.
#pragma once

#include <cstddef>

namespace dure::kernels {

// Lets the C library keep up to `kept` bytes that were freed, and serve blocks of up to `largest` bytes from them, in
// place of giving them back to the system. False where the library has no such setting.
bool keep_freed_memory(std::size_t kept, std::size_t largest);

}  // namespace dure::kernels
