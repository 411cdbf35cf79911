// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rollout_page.h"

namespace cohort::coordinator {
namespace {

// Of a tag and a length around a message.
constexpr int64_t kFrameBytes = 8;

}  // namespace

void KeepTextOnly(cohort::v1::RolloutGroup* group) {
  group->clear_prompt_token_ids();
  for (cohort::v1::Rollout& rollout : *group->mutable_rollouts()) {
    rollout.clear_token_ids();
    rollout.clear_behavior_logprobs();
    rollout.clear_sampling_logprobs();
  }
}

void KeepTimingsOnly(cohort::v1::RolloutGroup* group) {
  group->clear_prompt_token_ids();
  group->clear_rollouts();
}

bool RolloutPage::AddWhole(cohort::v1::StoredRollouts stored) {
  const int64_t num_bytes = static_cast<int64_t>(stored.ByteSizeLong()) + kFrameBytes;
  if (!response_.rollouts().empty() && num_bytes_ + num_bytes > kMaxBytes) return false;
  num_bytes_ += num_bytes;
  *response_.add_rollouts() = std::move(stored);
  return true;
}

int RolloutPage::Add(const cohort::v1::StoredRollouts& stored, int first) {
  if (first >= stored.group().rollouts_size()) return stored.group().rollouts_size();
  cohort::v1::StoredRollouts part = stored;
  part.mutable_group()->clear_rollouts();
  int64_t num_bytes = num_bytes_ + static_cast<int64_t>(part.ByteSizeLong()) + 2 * kFrameBytes;
  int next = first;
  for (; next < stored.group().rollouts_size(); ++next) {
    const cohort::v1::Rollout& rollout = stored.group().rollouts(next);
    num_bytes += static_cast<int64_t>(rollout.ByteSizeLong()) + kFrameBytes;
    if (num_bytes > kMaxBytes) break;
    *part.mutable_group()->add_rollouts() = rollout;
  }
  const bool is_alone = next == first && response_.rollouts().empty();
  if (is_alone) {
    *part.mutable_group()->add_rollouts() = stored.group().rollouts(next++);
    KeepTextOnly(part.mutable_group());
    part.clear_prompt();
    part.clear_answer();
  }
  if (next == first) return next;
  num_bytes_ += static_cast<int64_t>(part.ByteSizeLong()) + kFrameBytes;
  *response_.add_rollouts() = std::move(part);
  return next;
}

}  // namespace cohort::coordinator
