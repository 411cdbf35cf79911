// SPDX-License-Identifier: Apache-2.0
#include "learner/update_statistics.h"

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "learner/number_reduction.h"

namespace cohort::learner {
namespace {

// The last sum counts the ranks that refused a batch.
absl::Status Reduce(const absl::Status& local, model::ProcessGroup* group, const at::Device& device,
                    objective::StatisticSums* sums) {
  sums->sums.push_back(local.ok() ? 0 : 1);
  COHORT_RETURN_IF_ERROR(ReduceNumbers(group, device, &sums->sums, &sums->maxima));
  const double num_refusing = sums->sums.back();
  sums->sums.pop_back();
  COHORT_RETURN_IF_ERROR(local);
  if (num_refusing == 0) return absl::OkStatus();
  return absl::AbortedError("another rank refused its sequences");
}

}  // namespace

absl::StatusOr<objective::UpdateStatistics> MeasureUpdate(const objective::Objective& objective,
                                                          const std::vector<std::unique_ptr<LossBatch>>& batches,
                                                          int64_t num_groups, model::ProcessGroup* group,
                                                          const at::Device& device) {
  objective::UpdateStatistics statistics = objective.BeginStatistics(num_groups);
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("update statistics", [&]() -> absl::Status {
    while (statistics.round < objective.num_statistic_rounds()) {
      objective::StatisticSums sums = objective.EmptySums(statistics);
      absl::Status local;
      for (const std::unique_ptr<LossBatch>& batch : batches) {
        local.Update(objective.Measure(batch->batch(), statistics, &sums));
      }
      COHORT_RETURN_IF_ERROR(Reduce(local, group, device, &sums));
      objective.Conclude(sums, &statistics);
    }
    return absl::OkStatus();
  }));
  return statistics;
}

}  // namespace cohort::learner
