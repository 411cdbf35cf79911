// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_planner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "objective/credit.h"
#include "objective/planned_facts.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kMinVerdicts = 2;

int64_t NumVerdicts(const cohort::v1::PlannedGroup& group) {
  return std::count(group.outcomes().begin(), group.outcomes().end(), cohort::v1::SCORE_OUTCOME_GRADED);
}

// Takes groups whose advantages are all 0 out of the plan.
absl::Status DropZeroSignal(const StepSnapshot& snapshot, PlannedStep* step) {
  std::vector<objective::GroupFacts> facts;
  for (const cohort::v1::PlannedGroup& group : step->plan.groups()) facts.push_back(objective::FactsOf(group));
  COHORT_ASSIGN_OR_RETURN(const auto credit,
                          objective::ComputeCredit(*snapshot.credit, snapshot.verifier_weights, facts));
  cohort::v1::StepPlan kept = step->plan;
  kept.clear_groups();
  for (int i = 0; i < step->plan.groups_size(); ++i) {
    if (objective::IsZeroSignal(credit[i])) {
      step->dropped.push_back({.group_id = step->plan.groups(i).group_id(),
                               .cause = DropCause::kZeroSignal,
                               .reason = "zero signal: every advantage is 0"});
    } else {
      *kept.add_groups() = step->plan.groups(i);
    }
  }
  step->plan = std::move(kept);
  const int64_t num_wanted = snapshot.groups_per_step - step->plan.groups_size();
  const int64_t num_allowed = snapshot.max_sampled_groups - snapshot.num_sampled_groups;
  step->num_missing_groups = std::max<int64_t>(0, std::min(num_wanted, num_allowed));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PlannedStep> PlanRolloutStep(const StepSnapshot& snapshot) {
  PlannedStep step;
  step.plan.set_version(snapshot.version);
  step.plan.set_action(cohort::v1::STEP_ACTION_TRAIN);
  step.plan.set_seal_checkpoint(snapshot.seal_checkpoint);
  int64_t num_completions = 0;
  int64_t num_verdicts = 0;
  for (const GroupRecord* group : snapshot.groups) {
    const cohort::v1::PlannedGroup& planned = group->outcome.planned;
    const int64_t verdicts = NumVerdicts(planned);
    num_completions += planned.outcomes_size();
    num_verdicts += verdicts;
    if (verdicts < kMinVerdicts) {
      step.dropped.push_back(
          {.group_id = group->group_id, .cause = DropCause::kNoVerdict, .reason = "fewer than two verdicts"});
    } else {
      *step.plan.add_groups() = planned;
    }
  }
  const int64_t num_no_verdict = num_completions - num_verdicts;
  if (num_no_verdict > snapshot.max_no_verdict_share * num_completions) {
    return absl::FailedPreconditionError(
        absl::StrCat("step ", snapshot.version, ": ", num_no_verdict, " of ", num_completions,
                     " completions had no verdict, more than rlvr.reward.max_no_verdict_share (",
                     snapshot.max_no_verdict_share, ")"));
  }
  if (snapshot.credit != nullptr) COHORT_RETURN_IF_ERROR(DropZeroSignal(snapshot, &step));
  if (step.num_missing_groups > 0) return step;
  if (step.plan.groups().empty()) {
    const std::string bound =
        snapshot.credit == nullptr
            ? ""
            : absl::StrCat(", of ", snapshot.num_sampled_groups,
                           " sampled groups none had a learning signal (objective.dynamic_sampling.max_rounds)");
    return absl::FailedPreconditionError(absl::StrCat("step ", snapshot.version, ": every group was dropped", bound));
  }
  BalanceOverRanks(snapshot.shape, &step.plan);
  return step;
}

absl::Status CheckErroredShare(int64_t version, int64_t num_errored, int64_t num_sampled, double max_errored_share) {
  if (static_cast<double>(num_errored) <= max_errored_share * static_cast<double>(num_sampled)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("step ", version, ": ", num_errored, " of ", num_sampled,
                   " sampled groups were given up after rlvr.rollout.max_attempts, more than "
                   "rlvr.rollout.max_errored_share (",
                   max_errored_share, ")"));
}

cohort::v1::StepPlan PlanDemonstrationStep(int64_t version, const std::vector<int64_t>& rows, bool seal_checkpoint) {
  cohort::v1::StepPlan plan;
  plan.set_version(version);
  plan.set_action(cohort::v1::STEP_ACTION_TRAIN);
  plan.set_seal_checkpoint(seal_checkpoint);
  for (const int64_t row : rows) plan.add_groups()->set_group_id(row);
  return plan;
}

std::vector<int> GroupsOfRank(const cohort::v1::StepPlan& plan, int32_t rank, int32_t world_size) {
  std::vector<int> positions;
  for (int i = rank; i < plan.groups_size(); i += world_size) positions.push_back(i);
  return positions;
}

}  // namespace cohort::coordinator
