// SPDX-License-Identifier: Apache-2.0
#include "learner/step_data.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::learner {
namespace {

objective::GroupAdvantages AdvantagesOf(const cohort::v1::PlannedGroup& group, const objective::Objective& objective) {
  objective::GroupRewards rewards;
  rewards.rewards.assign(group.rewards().begin(), group.rewards().end());
  for (int outcome : group.outcomes()) rewards.has_verdict.push_back(outcome != cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  rewards.has_verdict.resize(rewards.rewards.size(), true);
  return objective.ComputeAdvantages(rewards);
}

// Credit of every group of the plan, and its statistics into `data`.
std::vector<objective::GroupAdvantages> AdvantagesOfPlan(const cohort::v1::StepPlan& plan,
                                                         const objective::Objective& objective, StepData* data) {
  std::vector<objective::GroupAdvantages> all;
  double sum_abs = 0;
  int64_t num_sequences = 0, num_zero_signal = 0;
  for (const cohort::v1::PlannedGroup& group : plan.groups()) {
    all.push_back(AdvantagesOf(group, objective));
    const std::vector<double>& advantages = all.back().advantages;
    for (double advantage : advantages) sum_abs += std::abs(advantage);
    num_sequences += static_cast<int64_t>(advantages.size());
    num_zero_signal += std::all_of(advantages.begin(), advantages.end(), [](double a) { return a == 0; });
  }
  data->advantage_abs_mean = sum_abs / static_cast<double>(std::max<int64_t>(1, num_sequences));
  data->zero_signal_share = static_cast<double>(num_zero_signal) / std::max(1, plan.groups_size());
  return all;
}

absl::Status AppendDemonstration(const cohort::v1::PlannedGroup& planned,
                                 const cohort::v1::Demonstration& demonstration, const StepDataOptions& options,
                                 std::vector<TrainSequence>* sequences) {
  if (planned.group_id() != demonstration.problem_id()) {
    return absl::InvalidArgumentError(absl::StrCat("payload: another demonstration than planned (",
                                                   demonstration.problem_id(), "), problem ", planned.group_id()));
  }
  COHORT_ASSIGN_OR_RETURN(TrainSequence sequence,
                          EncodeDemonstration(demonstration, *options.tokenizer, options.eos_token_id, options.limits));
  sequences->push_back(std::move(sequence));
  return absl::OkStatus();
}

absl::Status CheckPayloadSize(const StepPayload& payload, const StepDataOptions& options) {
  const GroupRange whole = {.begin = 0, .end = payload.plan.groups_size()};
  const size_t expected = GroupsOfRank(whole, options.rank, options.world_size).size();
  const size_t found = options.objective->NeedsRollouts() ? payload.groups.size() : payload.demonstrations.size();
  if (found == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("payload: ", expected, " groups planned for rank ", options.rank,
                                                 " of ", options.world_size, ", ", found, " came"));
}

}  // namespace

absl::StatusOr<StepData> BuildStepData(const StepPayload& payload, const StepDataOptions& options) {
  COHORT_RETURN_IF_ERROR(CheckPayloadSize(payload, options));
  StepData data;
  const bool has_rollouts = options.objective->NeedsRollouts();
  std::vector<objective::GroupAdvantages> advantages;
  if (has_rollouts) advantages = AdvantagesOfPlan(payload.plan, *options.objective, &data);
  size_t next = 0;  // the payload is in plan order
  for (int64_t update = 0; update < options.num_updates; ++update) {
    const GroupRange range = GroupsOfUpdate(payload.plan.groups_size(), update, options.num_updates);
    UpdateData& update_data = data.updates.emplace_back();
    update_data.totals = TotalsOf(payload.plan, range);
    for (int64_t i : GroupsOfRank(range, options.rank, options.world_size)) {
      const cohort::v1::PlannedGroup& planned = payload.plan.groups(static_cast<int>(i));
      if (has_rollouts) {
        COHORT_RETURN_IF_ERROR(AppendRollouts(planned, payload.groups[next++], advantages[i].advantages, options.limits,
                                              &update_data.sequences));
      } else {
        COHORT_RETURN_IF_ERROR(
            AppendDemonstration(planned, payload.demonstrations[next++], options, &update_data.sequences));
      }
    }
  }
  return data;
}

}  // namespace cohort::learner
