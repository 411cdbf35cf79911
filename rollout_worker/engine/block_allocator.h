// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ENGINE_BLOCK_ALLOCATOR_H_
#define COHORT_ROLLOUT_WORKER_ENGINE_BLOCK_ALLOCATOR_H_

// Torch-free.
#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace cohort::rollout_worker {

// Says which KV block belongs to whom. A block is free or has a count of holders; the siblings of a group hold the
// blocks of their prompt together. Which ids are handed out is a function of the calls alone. Not thread-safe.
class BlockAllocator final {
 public:
  explicit BlockAllocator(int32_t num_blocks);

  int32_t num_blocks() const { return static_cast<int32_t>(holders_.size()); }
  int32_t num_free() const { return static_cast<int32_t>(free_.size()); }
  // 0 when free.
  int32_t num_holders(int32_t block) const { return holders_[block]; }

  // Appends `count` blocks with one holder each. RESOURCE_EXHAUSTED when fewer are free; then nothing changes.
  absl::Status Allocate(int32_t count, std::vector<int32_t>* blocks);
  // One more holder. FAILED_PRECONDITION when the block is free.
  absl::Status Share(int32_t block);
  // One holder less; the block is free after the last. FAILED_PRECONDITION when it was free already.
  absl::Status Release(int32_t block);

 private:
  std::vector<int32_t> holders_;
  std::vector<int32_t> free_;  // the next one to hand out is at the back
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ENGINE_BLOCK_ALLOCATOR_H_
