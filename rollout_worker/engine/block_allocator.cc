// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/block_allocator.h"

#include "absl/strings/str_cat.h"

namespace cohort::rollout_worker {

BlockAllocator::BlockAllocator(int32_t num_blocks) : holders_(num_blocks, 0) {
  free_.reserve(num_blocks);
  for (int32_t block = num_blocks - 1; block >= 0; --block) free_.push_back(block);
}

absl::Status BlockAllocator::Allocate(int32_t count, std::vector<int32_t>* blocks) {
  if (count > num_free()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("KV cache: ", count, " blocks wanted, ", num_free(), " of ", num_blocks(), " are free"));
  }
  for (int32_t i = 0; i < count; ++i) {
    const int32_t block = free_.back();
    free_.pop_back();
    holders_[block] = 1;
    blocks->push_back(block);
  }
  return absl::OkStatus();
}

absl::Status BlockAllocator::Share(int32_t block) {
  if (holders_[block] == 0) return absl::FailedPreconditionError(absl::StrCat("KV cache: block ", block, " is free"));
  ++holders_[block];
  return absl::OkStatus();
}

absl::Status BlockAllocator::Release(int32_t block) {
  if (holders_[block] == 0) return absl::FailedPreconditionError(absl::StrCat("KV cache: block ", block, " is free"));
  if (--holders_[block] == 0) free_.push_back(block);
  return absl::OkStatus();
}

}  // namespace cohort::rollout_worker
