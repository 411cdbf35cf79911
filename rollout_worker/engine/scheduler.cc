// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/scheduler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::rollout_worker {

Scheduler::Scheduler(const SchedulerOptions& options, int32_t num_blocks)
    : options_(options), allocator_(num_blocks), slots_(options.max_sequences) {
  free_slots_.reserve(options.max_sequences);
  for (int32_t slot = options.max_sequences - 1; slot >= 0; --slot) free_slots_.push_back(slot);
}

absl::Status Scheduler::Add(int64_t group_id, int32_t num_prompt_tokens, int32_t group_size,
                            int32_t max_completion_tokens) {
  WaitingGroup group;
  group.id = group_id;
  group.group_size = group_size;
  group.num_prompt_tokens = num_prompt_tokens;
  group.num_full_blocks = num_prompt_tokens / options_.block_tokens;
  group.num_prompt_blocks = (num_prompt_tokens + options_.block_tokens - 1) / options_.block_tokens;
  // The last token of a completion is never put into the cache.
  const int32_t num_cached_tokens = num_prompt_tokens + max_completion_tokens - 1;
  group.num_total_blocks = (num_cached_tokens + options_.block_tokens - 1) / options_.block_tokens;
  if (BlocksNeeded(group) > allocator_.num_blocks()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "KV cache: too small for a prompt of ", num_prompt_tokens, " tokens and a completion of ",
        max_completion_tokens, " (", allocator_.num_blocks() * options_.block_tokens, " tokens), --kv_cache_tokens"));
  }
  num_waiting_ += group_size;
  waiting_.push_back(std::move(group));
  return absl::OkStatus();
}

int32_t Scheduler::BlocksNeeded(const WaitingGroup& group) {
  const int32_t own_blocks = group.num_total_blocks - group.num_full_blocks;
  const bool is_last = group.next_sibling + 1 == group.group_size;
  const int32_t taken_over = is_last ? group.num_prompt_blocks - group.num_full_blocks : 0;
  const int32_t prompt_blocks = group.next_sibling == 0 ? group.num_prompt_blocks : 0;
  return prompt_blocks + own_blocks - taken_over;
}

absl::StatusOr<std::vector<Admission>> Scheduler::Admit() {
  std::vector<Admission> admissions;
  int32_t num_prefill_tokens = 0;
  while (!waiting_.empty() && !free_slots_.empty()) {
    WaitingGroup& group = waiting_.front();
    if (BlocksNeeded(group) > allocator_.num_free()) break;
    if (group.next_sibling == 0) {
      const bool is_too_much = num_prefill_tokens + group.num_prompt_tokens > options_.max_prefill_tokens;
      if (num_prefill_tokens > 0 && is_too_much) break;
      num_prefill_tokens += group.num_prompt_tokens;
    }
    COHORT_ASSIGN_OR_RETURN(Admission admission, Join(&group));
    admissions.push_back(std::move(admission));
    if (group.next_sibling == group.group_size) waiting_.pop_front();
  }
  return admissions;
}

absl::StatusOr<Admission> Scheduler::Join(WaitingGroup* group) {
  Admission admission;
  admission.group_id = group->id;
  admission.sibling = group->next_sibling;
  admission.slot = free_slots_.back();
  Slot& slot = slots_[admission.slot];
  slot.blocks.clear();
  COHORT_RETURN_IF_ERROR(GiveBlocks(group, &admission, &slot.blocks));
  slot.group_id = group->id;
  slot.is_running = true;
  free_slots_.pop_back();
  ++group->next_sibling;
  --num_waiting_;
  return admission;
}

absl::Status Scheduler::GiveBlocks(WaitingGroup* group, Admission* admission, std::vector<int32_t>* table) {
  if (group->next_sibling == 0) {
    COHORT_RETURN_IF_ERROR(allocator_.Allocate(group->num_prompt_blocks, &group->prompt_blocks));
    admission->needs_prefill = true;
    admission->prompt_blocks = group->prompt_blocks;
  }
  const bool is_last = group->next_sibling + 1 == group->group_size;
  if (is_last) {
    table->swap(group->prompt_blocks);
  } else {
    table->assign(group->prompt_blocks.begin(), group->prompt_blocks.begin() + group->num_full_blocks);
    for (const int32_t block : *table) COHORT_RETURN_IF_ERROR(allocator_.Share(block));
  }
  const int32_t num_missing = group->num_total_blocks - static_cast<int32_t>(table->size());
  COHORT_RETURN_IF_ERROR(allocator_.Allocate(num_missing, table));
  if (!is_last && group->num_prompt_blocks > group->num_full_blocks) {
    admission->copy_from_block = group->prompt_blocks.back();
    admission->copy_to_block = (*table)[group->num_full_blocks];
  }
  return absl::OkStatus();
}

absl::Status Scheduler::ReleaseAll(std::vector<int32_t>* blocks) {
  for (const int32_t block : *blocks) COHORT_RETURN_IF_ERROR(allocator_.Release(block));
  blocks->clear();
  return absl::OkStatus();
}

absl::Status Scheduler::Leave(int32_t slot) {
  if (!slots_[slot].is_running) return absl::FailedPreconditionError(absl::StrCat("slot ", slot, " is not running"));
  slots_[slot].is_running = false;
  free_slots_.push_back(slot);
  return ReleaseAll(&slots_[slot].blocks);
}

absl::StatusOr<std::vector<int32_t>> Scheduler::Drop(int64_t group_id) {
  for (auto group = waiting_.begin(); group != waiting_.end(); ++group) {
    if (group->id != group_id) continue;
    COHORT_RETURN_IF_ERROR(ReleaseAll(&group->prompt_blocks));
    num_waiting_ -= group->group_size - group->next_sibling;
    waiting_.erase(group);
    break;
  }
  std::vector<int32_t> left;
  for (int32_t slot = 0; slot < static_cast<int32_t>(slots_.size()); ++slot) {
    if (!slots_[slot].is_running || slots_[slot].group_id != group_id) continue;
    COHORT_RETURN_IF_ERROR(Leave(slot));
    left.push_back(slot);
  }
  return left;
}

}  // namespace cohort::rollout_worker
