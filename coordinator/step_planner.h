// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_STEP_PLANNER_H_
#define COHORT_COORDINATOR_STEP_PLANNER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cohort/v1/learner_service.pb.h"
#include "coordinator/group_record.h"
#include "coordinator/rank_balance.h"

namespace cohort::coordinator {

// What a plan is made of. fixed_lag: every group of the step has been scored or dropped. max_lag: the first
// groups_per_step that arrived and are not too old.
struct StepSnapshot {
  int64_t version = 0;
  // Scored groups in the order of the plan: by id, or by arrival. The records must outlive the call.
  std::vector<const GroupRecord*> groups;
  double max_no_verdict_share = 0;
  bool seal_checkpoint = false;
  PlanShape shape;  // the plan is balanced over ranks for it
  // Dynamic sampling: groups without a learning signal under this credit are dropped, and replaced by further groups
  // until there are groups_per_step or max_sampled_groups were sampled. Null: they stay.
  const cohort::v1::AdvantageSpec* credit = nullptr;
  std::vector<double> verifier_weights;
  int64_t groups_per_step = 0;
  int64_t num_sampled_groups = 0;  // for this step so far, dropped ones included
  int64_t max_sampled_groups = 0;
};

enum class DropCause { kNoVerdict, kZeroSignal };

struct DroppedGroup {
  int64_t group_id = 0;
  DropCause cause = DropCause::kNoVerdict;
  std::string reason;
};

struct PlannedStep {
  cohort::v1::StepPlan plan;
  std::vector<DroppedGroup> dropped;
  // Further groups to be sampled before there is a plan; `plan` is then to be ignored.
  int64_t num_missing_groups = 0;
};

// The given groups, in their order but for the balance over ranks (rank_balance.h). A group with fewer than two
// verdicts has no baseline and is dropped; one whose rewards are all equal stays, with advantage zero, unless sampling
// is dynamic. FAILED_PRECONDITION, which ends the job, when more than max_no_verdict_share of the completions had no
// verdict or when no group is left and no further one may be sampled. Pure.
absl::StatusOr<PlannedStep> PlanRolloutStep(const StepSnapshot& snapshot);

// FAILED_PRECONDITION, which ends the job, when more than this share of the groups that were sampled for a step was
// given up after max_attempts. Pure.
absl::Status CheckErroredShare(int64_t version, int64_t num_errored, int64_t num_sampled, double max_errored_share);

// Demonstrations by row, in the order given. Pure.
cohort::v1::StepPlan PlanDemonstrationStep(int64_t version, const std::vector<int64_t>& rows, bool seal_checkpoint);

// Positions in plan.groups that belong to a rank: group i is of rank i % world_size.
std::vector<int> GroupsOfRank(const cohort::v1::StepPlan& plan, int32_t rank, int32_t world_size);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_STEP_PLANNER_H_
