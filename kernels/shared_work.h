// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_SHARED_WORK_H_
#define COHORT_KERNELS_SHARED_WORK_H_

// How operators cut their work for the threads of a CpuExecution. Internal to the sources of kernels/.

#include <atomic>
#include <cstdint>
#include <functional>

#include "kernels/cpu_execution.h"

namespace cohort::kernels {

// Into how many parts to cut `num_items` that take about `work` multiplications and additions in all, so that a part is
// worth waking a thread: 1..num_items, 0 for no items.
int64_t NumParts(int64_t num_items, int64_t work);

// Calls the body on [first, last) of `num_items` that cost about the same, in contiguous parts.
void ShareEqualItems(const CpuExecution& cpu, int64_t num_items, int64_t work, const ParallelBody& body);

// Hands out the numbers 0..num_items - 1, each once, to whoever asks. Thread-safe.
class ItemQueue {
 public:
  explicit ItemQueue(int64_t num_items) : num_items_(num_items) {}

  // False when there are none left.
  bool Next(int64_t* item) { return (*item = next_.fetch_add(1, std::memory_order_relaxed)) < num_items_; }

 private:
  const int64_t num_items_;
  std::atomic<int64_t> next_{0};
};

// For items of unequal cost, the most expensive best first: calls `run` once on each thread that takes part; it must
// work until the queue is empty.
void ShareUnequalItems(const CpuExecution& cpu, int64_t num_items, int64_t work,
                       const std::function<void(ItemQueue* queue)>& run);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_SHARED_WORK_H_
