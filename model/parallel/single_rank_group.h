// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_PARALLEL_SINGLE_RANK_GROUP_H_
#define COHORT_MODEL_PARALLEL_SINGLE_RANK_GROUP_H_

#include <ATen/core/Tensor.h>

#include "absl/status/status.h"
#include "model/parallel/process_group.h"

namespace cohort::model {

// A gang of one, which has nothing to say to anybody: every collective leaves its tensor as it is. Thread-safe.
class SingleRankGroup final : public ProcessGroup {
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

}  // namespace cohort::model

#endif  // COHORT_MODEL_PARALLEL_SINGLE_RANK_GROUP_H_
