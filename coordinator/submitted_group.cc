// SPDX-License-Identifier: Apache-2.0
#include "coordinator/submitted_group.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

using google::protobuf::util::TimeUtil;

absl::Status CheckRollout(const cohort::v1::Rollout& rollout, int index, const cohort::v1::SamplingSpec& sampling) {
  const auto field = [index](std::string_view name) {
    return absl::StrCat("rollouts[", index, "].", std::string(name));
  };
  const int num_tokens = rollout.token_ids_size();
  if (rollout.sibling() != index) {
    return common::InvalidField(field("sibling"), absl::StrCat(rollout.sibling()), "must be in order");
  }
  if (num_tokens == 0 || num_tokens > sampling.max_completion_tokens()) {
    return common::InvalidField(field("token_ids"), absl::StrCat(num_tokens),
                                absl::StrCat("needs 1 to ", sampling.max_completion_tokens(), " tokens"));
  }
  if (rollout.behavior_logprobs_size() != num_tokens) {
    return common::InvalidField(field("behavior_logprobs"), absl::StrCat(rollout.behavior_logprobs_size()),
                                absl::StrCat("needs one per token, ", num_tokens));
  }
  const int num_filtered = rollout.sampling_logprobs_size();
  if (num_filtered != 0 && num_filtered != num_tokens) {
    return common::InvalidField(field("sampling_logprobs"), absl::StrCat(num_filtered), "needs none or one per token");
  }
  const auto& logprobs = rollout.behavior_logprobs();
  const auto bad = std::find_if(logprobs.begin(), logprobs.end(), [](float value) { return !std::isfinite(value); });
  if (bad != logprobs.end()) {
    return common::InvalidField(field("behavior_logprobs"), absl::StrCat(*bad), "must be finite");
  }
  if (rollout.outcome() != cohort::v1::SCORE_OUTCOME_GRADED &&
      rollout.outcome() != cohort::v1::SCORE_OUTCOME_NO_VERDICT) {
    return common::InvalidField(field("outcome"), absl::StrCat(rollout.outcome()), "must be GRADED or NO_VERDICT");
  }
  if (!std::isfinite(rollout.reward())) {
    return common::InvalidField(field("reward"), absl::StrCat(rollout.reward()), "must be finite");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckSubmittedGroup(const cohort::v1::RolloutGroup& group, const GroupRecord& record, int32_t group_size,
                                 const cohort::v1::SamplingSpec& sampling) {
  if (group.policy_version() != record.policy_version) {
    return common::InvalidField("policy_version", absl::StrCat(group.policy_version()),
                                absl::StrCat("must be ", record.policy_version));
  }
  if (group.problem_id() != record.problem_id) {
    return common::InvalidField("problem_id", absl::StrCat(group.problem_id()),
                                absl::StrCat("must be ", record.problem_id));
  }
  if (group.prompt_token_ids_size() == 0) return common::InvalidField("prompt_token_ids", "", "must not be empty");
  if (group.rollouts_size() != group_size) {
    return common::InvalidField("rollouts", absl::StrCat(group.rollouts_size()),
                                absl::StrCat("needs ", group_size, " rollouts"));
  }
  for (int i = 0; i < group.rollouts_size(); ++i) COHORT_RETURN_IF_ERROR(CheckRollout(group.rollouts(i), i, sampling));
  return absl::OkStatus();
}

GroupOutcome SummarizeGroup(const cohort::v1::RolloutGroup& group, absl::Time now) {
  GroupOutcome outcome;
  outcome.planned.set_group_id(group.group_id());
  outcome.planned.set_prompt_tokens(group.prompt_token_ids_size());
  for (const cohort::v1::Rollout& rollout : group.rollouts()) {
    outcome.planned.add_completion_tokens(rollout.token_ids_size());
    outcome.planned.add_rewards(rollout.reward());
    outcome.planned.add_outcomes(rollout.outcome());
    if (rollout.finish_reason() == cohort::v1::FINISH_REASON_LENGTH) ++outcome.num_truncated;
  }
  const auto seconds = [](const google::protobuf::Duration& duration) {
    return 1e-9 * static_cast<double>(TimeUtil::DurationToNanoseconds(duration));
  };
  outcome.generation_end_seconds = absl::ToUnixNanos(now) * 1e-9 - seconds(group.scoring_time());
  outcome.generation_begin_seconds = outcome.generation_end_seconds - seconds(group.generation_time());
  return outcome;
}

}  // namespace cohort::coordinator
