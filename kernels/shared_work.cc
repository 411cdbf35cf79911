// SPDX-License-Identifier: Apache-2.0
#include "kernels/shared_work.h"

#include <algorithm>

namespace cohort::kernels {
namespace {

// 20 to 60 microseconds on one core, some ten times what it takes to wake a thread.
constexpr int64_t kLeastWorkPerPart = int64_t{1} << 18;

}  // namespace

int64_t NumParts(int64_t num_items, int64_t work) {
  if (num_items <= 0) return 0;
  return std::clamp<int64_t>(work / kLeastWorkPerPart, 1, num_items);
}

void ShareEqualItems(const CpuExecution& cpu, int64_t num_items, int64_t work, const ParallelBody& body) {
  const int64_t num_parts = NumParts(num_items, work);
  // The first num_items % num_parts parts have one item more: no product that could overflow.
  const int64_t size = num_parts == 0 ? 0 : num_items / num_parts, longer = num_parts == 0 ? 0 : num_items % num_parts;
  const auto begin = [&](int64_t part) { return part * size + std::min(part, longer); };
  cpu.parallel_for(num_parts, [&](int64_t first, int64_t last) { body(begin(first), begin(last)); });
}

void ShareUnequalItems(const CpuExecution& cpu, int64_t num_items, int64_t work,
                       const std::function<void(ItemQueue* queue)>& run) {
  ItemQueue queue(num_items);
  cpu.parallel_for(NumParts(num_items, work), [&](int64_t, int64_t) { run(&queue); });
}

}  // namespace cohort::kernels
