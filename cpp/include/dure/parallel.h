// parallel_for: independent pieces of work on a few threads that live only during the call.
#pragma once

#include <cstddef>
#include <functional>

namespace dure {

// Calls work(0) ... work(count - 1), each once, on up to `num_threads` threads (the caller's is one of them). Of the
// exceptions thrown, the one with the smallest index is passed on.
void parallel_for(std::size_t count, unsigned num_threads, const std::function<void(std::size_t)>& work);

}  // namespace dure
