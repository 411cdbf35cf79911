// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ENGINE_SCHEDULER_H_
#define COHORT_ROLLOUT_WORKER_ENGINE_SCHEDULER_H_

// Torch-free.
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rollout_worker/engine/block_allocator.h"

namespace cohort::rollout_worker {

struct SchedulerOptions {
  int32_t max_sequences = 128;
  // Prompts that join in one step have at most so many tokens together; a longer prompt joins alone.
  int32_t max_prefill_tokens = 8192;
  int32_t block_tokens = 16;
};

// A sequence that joins the running ones.
struct Admission {
  int64_t group_id = 0;
  int32_t sibling = 0;
  int32_t slot = 0;
  // First of its group: the prompt must be computed into prompt_blocks in this step.
  bool needs_prefill = false;
  std::vector<int32_t> prompt_blocks;  // only with needs_prefill
  // The prompt's last, partly filled block is to be copied, after the prefill and before the next step; -1: nothing.
  int32_t copy_from_block = -1;
  int32_t copy_to_block = -1;
};

// Decides which sequences run, and in which KV blocks. Sequences wait in order of arrival and sibling; one joins as
// soon as a slot and all blocks it may ever need are free, so that a running sequence never has to stop. Siblings share
// the full blocks of their prompt; the last, partly filled one is copied for all but the last sibling to join, who
// takes it over. Not thread-safe; owns the block allocator.
class Scheduler final {
 public:
  Scheduler(const SchedulerOptions& options, int32_t num_blocks);

  // Puts a group behind the others. RESOURCE_EXHAUSTED when it could not run in an empty cache.
  absl::Status Add(int64_t group_id, int32_t num_prompt_tokens, int32_t group_size, int32_t max_completion_tokens);
  // The sequences that join now, in order.
  absl::StatusOr<std::vector<Admission>> Admit();
  // The sequence in `slot` is finished.
  absl::Status Leave(int32_t slot);
  // Forgets a group; returns the slots that its sequences ran in, empty when it is unknown or only waited.
  absl::StatusOr<std::vector<int32_t>> Drop(int64_t group_id);

  const std::vector<int32_t>& block_table(int32_t slot) const { return slots_[slot].blocks; }
  int32_t num_running() const { return static_cast<int32_t>(slots_.size() - free_slots_.size()); }
  // Sequences, not groups.
  int32_t num_waiting() const { return num_waiting_; }
  const BlockAllocator& blocks() const { return allocator_; }

 private:
  struct WaitingGroup {
    int64_t id = 0;
    int32_t group_size = 0;
    int32_t next_sibling = 0;
    int32_t num_prompt_tokens = 0;
    int32_t num_full_blocks = 0;    // of the prompt
    int32_t num_prompt_blocks = 0;  // with the partly filled one
    int32_t num_total_blocks = 0;   // of one sequence at its longest
    std::vector<int32_t> prompt_blocks;
  };
  struct Slot {
    int64_t group_id = 0;
    bool is_running = false;
    std::vector<int32_t> blocks;
  };

  static int32_t BlocksNeeded(const WaitingGroup& group);
  absl::StatusOr<Admission> Join(WaitingGroup* group);
  absl::Status GiveBlocks(WaitingGroup* group, Admission* admission, std::vector<int32_t>* table);
  absl::Status ReleaseAll(std::vector<int32_t>* blocks);

  const SchedulerOptions options_;
  BlockAllocator allocator_;
  std::deque<WaitingGroup> waiting_;  // only the first can have siblings running
  int32_t num_waiting_ = 0;
  std::vector<Slot> slots_;
  std::vector<int32_t> free_slots_;  // the next one is at the back
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ENGINE_SCHEDULER_H_
