// SPDX-License-Identifier: Apache-2.0
#include "learner/step_data.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "objective/credit.h"
#include "objective/planned_facts.h"

namespace cohort::learner {
namespace {

// Every rank sees the same plan and refuses it alike.
absl::Status CheckPlannedRollouts(const cohort::v1::PlannedGroup& group) {
  const auto refused = [&group](const std::string& why) {
    return absl::InvalidArgumentError(absl::StrCat("step plan: ", why, ", group ", group.group_id()));
  };
  const int num_siblings = group.completion_tokens_size();
  if (num_siblings == 0) return refused("no sequences");
  if (group.rewards_size() != num_siblings || group.outcomes_size() != num_siblings) {
    return refused(absl::StrCat(group.rewards_size(), " rewards and ", group.outcomes_size(), " outcomes for ",
                                num_siblings, " sequences"));
  }
  for (int i = 0; i < num_siblings; ++i) {
    if (group.completion_tokens(i) < 0) {
      return refused(absl::StrCat("a negative length (", group.completion_tokens(i), "), sibling ", i));
    }
    if (!std::isfinite(group.rewards(i))) {
      return refused(absl::StrCat("reward is not finite (", group.rewards(i), "), sibling ", i));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPlan(const cohort::v1::StepPlan& plan, bool has_rollouts) {
  if (plan.groups().empty()) return absl::InvalidArgumentError("step plan: nothing to train");
  std::set<int64_t> ids;
  for (const cohort::v1::PlannedGroup& group : plan.groups()) {
    if (!has_rollouts && group.completion_tokens_size() > 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("step plan: lengths of a demonstration, problem ", group.group_id()));
    }
    if (!has_rollouts) continue;
    if (!ids.insert(group.group_id()).second) {
      return absl::InvalidArgumentError(absl::StrCat("step plan: twice the same, group ", group.group_id()));
    }
    COHORT_RETURN_IF_ERROR(CheckPlannedRollouts(group));
  }
  return absl::OkStatus();
}

// Spread of the credit into `data`.
void MeasureCredit(const std::vector<objective::GroupCredit>& credit, StepData* data) {
  double count = 0, sum = 0, sum_abs = 0, sum_squares = 0, num_zero_signal = 0;
  const auto add = [&](double advantage) {
    ++count;
    sum += advantage;
    sum_abs += std::abs(advantage);
    sum_squares += advantage * advantage;
  };
  for (const objective::GroupCredit& group : credit) {
    for (const objective::SequenceCredit& sequence : group) {
      if (sequence.item_advantages.empty()) add(sequence.advantage);
      for (const double advantage : sequence.item_advantages) add(advantage);
    }
    num_zero_signal += objective::IsZeroSignal(group);
  }
  if (count == 0) return;
  const double mean = sum / count;
  data->advantage_abs_mean = sum_abs / count;
  data->advantage_std = std::sqrt(std::max(0.0, sum_squares / count - mean * mean));
  data->zero_signal_share = num_zero_signal / static_cast<double>(credit.size());
}

absl::StatusOr<std::vector<objective::GroupCredit>> CreditOfPlan(const cohort::v1::StepPlan& plan,
                                                                 const StepDataOptions& options) {
  std::vector<objective::GroupFacts> facts;
  facts.reserve(plan.groups_size());
  for (const cohort::v1::PlannedGroup& group : plan.groups()) facts.push_back(objective::FactsOf(group));
  return objective::ComputeCredit(options.objective->spec().advantage(), options.verifier_weights, facts);
}

absl::Status AppendDemonstration(const cohort::v1::PlannedGroup& planned,
                                 const cohort::v1::Demonstration& demonstration, int64_t group,
                                 const StepDataOptions& options, std::vector<TrainSequence>* sequences) {
  if (planned.group_id() != demonstration.problem_id()) {
    return absl::InvalidArgumentError(absl::StrCat("payload: another demonstration than planned (",
                                                   demonstration.problem_id(), "), problem ", planned.group_id()));
  }
  COHORT_ASSIGN_OR_RETURN(TrainSequence sequence,
                          EncodeDemonstration(demonstration, *options.tokenizer, options.eos_token_id, options.limits));
  sequence.group = group;
  sequences->push_back(std::move(sequence));
  return absl::OkStatus();
}

absl::Status CheckPolicyVersion(const cohort::v1::RolloutGroup& group, int64_t version) {
  if (group.policy_version() >= 0 && group.policy_version() <= version) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("payload: sampled by version ", group.policy_version(),
                                                 ", the step starts from ", version, ", group ", group.group_id()));
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
  const bool has_rollouts = options.objective->NeedsRollouts();
  COHORT_RETURN_IF_ERROR(CheckPlan(payload.plan, has_rollouts));
  COHORT_RETURN_IF_ERROR(CheckPayloadSize(payload, options));
  StepData data;
  std::vector<objective::GroupCredit> credit;
  if (has_rollouts) {
    COHORT_ASSIGN_OR_RETURN(credit, CreditOfPlan(payload.plan, options));
    MeasureCredit(credit, &data);
  }
  const RolloutReading reading = {.objective = &options.objective->spec(),
                                  .tokenizer = options.objective->NeedsTokenText() ? options.tokenizer : nullptr,
                                  .limits = options.limits};
  size_t next = 0;  // the payload is in plan order
  // A plan that lost groups may have fewer than updates: none is made without a group.
  const int64_t num_updates = std::min<int64_t>(options.num_updates, payload.plan.groups_size());
  for (int64_t update = 0; update < num_updates; ++update) {
    const GroupRange range = GroupsOfUpdate(payload.plan.groups_size(), update, num_updates);
    UpdateData& update_data = data.updates.emplace_back();
    update_data.num_groups = range.end - range.begin;
    for (const int64_t i : GroupsOfRank(range, options.rank, options.world_size)) {
      const cohort::v1::PlannedGroup& planned = payload.plan.groups(static_cast<int>(i));
      const int64_t group = i - range.begin;
      if (has_rollouts) {
        COHORT_RETURN_IF_ERROR(CheckPolicyVersion(payload.groups[next], payload.plan.version()));
        COHORT_RETURN_IF_ERROR(
            AppendRollouts(planned, payload.groups[next++], group, credit[i], reading, &update_data.sequences));
      } else {
        COHORT_RETURN_IF_ERROR(
            AppendDemonstration(planned, payload.demonstrations[next++], group, options, &update_data.sequences));
      }
    }
  }
  return data;
}

}  // namespace cohort::learner
