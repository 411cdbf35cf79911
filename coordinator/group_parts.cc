// SPDX-License-Identifier: Apache-2.0
#include "coordinator/group_parts.h"

#include <utility>

namespace cohort::coordinator {

bool SendInParts(const cohort::v1::RolloutGroup& group, int64_t max_bytes,
                 const std::function<bool(const cohort::v1::RolloutGroup& part, bool is_last)>& send) {
  cohort::v1::RolloutGroup part = group;
  part.clear_rollouts();
  int64_t bytes = static_cast<int64_t>(part.ByteSizeLong());
  for (const cohort::v1::Rollout& rollout : group.rollouts()) {
    const int64_t rollout_bytes = static_cast<int64_t>(rollout.ByteSizeLong());
    if (part.rollouts_size() > 0 && bytes + rollout_bytes > max_bytes) {
      if (!send(part, /*is_last=*/false)) return false;
      part = cohort::v1::RolloutGroup();
      part.set_job(group.job());
      part.set_group_id(group.group_id());
      bytes = 0;
    }
    *part.add_rollouts() = rollout;
    bytes += rollout_bytes;
  }
  return send(part, /*is_last=*/true);
}

}  // namespace cohort::coordinator
