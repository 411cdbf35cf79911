// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_THREAD_PARALLEL_FOR_H_
#define COHORT_KERNELS_THREAD_PARALLEL_FOR_H_

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

#include "kernels/cpu_execution.h"

namespace cohort::kernels {

// For tests: `num_threads` new threads per call, each with one contiguous range, the first the shortest where the count
// does not divide. Thread-safe.
inline ParallelFor ThreadParallelFor(int64_t num_threads) {
  return [num_threads](int64_t count, const ParallelBody& body) {
    std::vector<std::thread> threads;
    const int64_t used = std::min(num_threads, count);
    for (int64_t i = 0; i < used; ++i) {
      threads.emplace_back([&body, first = i * count / used, last = (i + 1) * count / used] { body(first, last); });
    }
    for (std::thread& thread : threads) thread.join();
  };
}

// For tests: a cut that no pool would make, one part for each number, last first, on the calling thread. Adds the count
// of each call to `counts`, which outlives it. Not thread-safe.
inline ParallelFor BackwardParallelFor(std::vector<int64_t>* counts) {
  return [counts](int64_t count, const ParallelBody& body) {
    counts->push_back(count);
    for (int64_t i = count - 1; i >= 0; --i) body(i, i + 1);
  };
}

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_THREAD_PARALLEL_FOR_H_
