// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_SINGLE_RANK_GROUP_H_
#define COHORT_LEARNER_SINGLE_RANK_GROUP_H_

#include <ATen/core/Tensor.h>

#include "absl/status/status.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {

// A gang of one, for work outside a job: every collective leaves its tensor as it is. Thread-safe.
class SingleRankGroup final : public model::ProcessGroup {
 public:
  int rank() const override { return 0; }
  int world_size() const override { return 1; }
  absl::Status AllReduceSum(at::Tensor) override { return absl::OkStatus(); }
  absl::Status AllReduceMax(at::Tensor) override { return absl::OkStatus(); }
  absl::Status ReduceScatterSum(at::Tensor) override { return absl::OkStatus(); }
  absl::Status AllGather(at::Tensor) override { return absl::OkStatus(); }
  absl::Status Broadcast(at::Tensor, int) override { return absl::OkStatus(); }
  absl::Status Barrier() override { return absl::OkStatus(); }
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_SINGLE_RANK_GROUP_H_
