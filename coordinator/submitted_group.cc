// SPDX-License-Identifier: Apache-2.0
#include "coordinator/submitted_group.h"

#include <google/protobuf/duration.pb.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

// An id outside of the vocabulary has no embedding: the learner could not go on with it. `vocab_size` 0: not known.
absl::Status CheckTokenIds(const google::protobuf::RepeatedField<int32_t>& ids, int64_t vocab_size,
                           const std::string& field) {
  for (const int32_t id : ids) {
    if (id < 0) return common::InvalidField(field, absl::StrCat(id), "must not be negative");
    if (vocab_size > 0 && id >= vocab_size) {
      return common::InvalidField(field, absl::StrCat(id),
                                  absl::StrCat("must be below the model's vocab_size, ", vocab_size));
    }
  }
  return absl::OkStatus();
}

// A log-prob is at most 0, but for rounding.
absl::Status CheckLogprobs(const google::protobuf::RepeatedField<float>& logprobs, const std::string& field) {
  constexpr float kRounding = 1e-3F;
  for (const float value : logprobs) {
    if (std::isfinite(value) && value <= kRounding) continue;
    return common::InvalidField(field, absl::StrCat(value), "must be finite and at most 0");
  }
  return absl::OkStatus();
}

// A worker's measurement, made usable: nothing negative, nothing beyond a month.
double Seconds(const google::protobuf::Duration& duration) {
  constexpr double kMonth = 30 * 86400;
  return std::clamp(static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos(), 0.0, kMonth);
}

constexpr int kMaxItemValues = 1000;  // RankingVerifier.num_items at most

// What credit is made of is what a verifier can say; a list is no longer than a ranking verifier allows.
absl::Status CheckScore(const cohort::v1::Score& score) {
  if (!(score.value() >= 0 && score.value() <= 1)) {
    return common::InvalidField("value", absl::StrCat(score.value()), "must be from 0 to 1");
  }
  if (score.item_values_size() > kMaxItemValues) {
    return common::InvalidField("item_values", absl::StrCat(score.item_values_size()),
                                absl::StrCat("has at most ", kMaxItemValues));
  }
  for (const double value : score.item_values()) {
    if (!(value >= 0 && value <= 1)) {
      return common::InvalidField("item_values", absl::StrCat(value), "must be from 0 to 1");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckVerdict(const cohort::v1::Rollout& rollout, const std::string& field) {
  if (rollout.outcome() != cohort::v1::SCORE_OUTCOME_GRADED &&
      rollout.outcome() != cohort::v1::SCORE_OUTCOME_NO_VERDICT) {
    return common::InvalidField(field + ".outcome", absl::StrCat(rollout.outcome()), "must be GRADED or NO_VERDICT");
  }
  if (!std::isfinite(rollout.reward())) {
    return common::InvalidField(field + ".reward", absl::StrCat(rollout.reward()), "must be finite");
  }
  for (int i = 0; i < rollout.scores_size(); ++i) {
    COHORT_RETURN_IF_ERROR(common::PrefixField(CheckScore(rollout.scores(i)), absl::StrCat(field, ".scores[", i, "]")));
  }
  return absl::OkStatus();
}

absl::Status CheckRollout(const cohort::v1::Rollout& rollout, int index, const GroupDemand& demand) {
  const cohort::v1::SamplingSpec& sampling = *demand.sampling;
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
  COHORT_RETURN_IF_ERROR(CheckLogprobs(rollout.behavior_logprobs(), field("behavior_logprobs")));
  COHORT_RETURN_IF_ERROR(CheckLogprobs(rollout.sampling_logprobs(), field("sampling_logprobs")));
  COHORT_RETURN_IF_ERROR(CheckTokenIds(rollout.token_ids(), demand.vocab_size, field("token_ids")));
  return CheckVerdict(rollout, absl::StrCat("rollouts[", index, "]"));
}

// What no rubric of the job can have given would fail the job when its credit is computed.
absl::Status CheckAgainstRubric(const cohort::v1::Rollout& rollout, const GroupDemand& demand) {
  const cohort::v1::RewardSpec& reward = *demand.reward;
  const bool needs_scores = demand.needs_verifier_scores && rollout.outcome() == cohort::v1::SCORE_OUTCOME_GRADED;
  if ((needs_scores || rollout.scores_size() != 0) && rollout.scores_size() != reward.verifiers_size()) {
    return common::InvalidField("scores", absl::StrCat(rollout.scores_size()),
                                absl::StrCat("needs one per verifier, ", reward.verifiers_size()));
  }
  double bound = 0;
  for (const cohort::v1::VerifierSpec& verifier : reward.verifiers()) bound += std::abs(verifier.weight());
  if (std::abs(rollout.reward()) > bound * (1 + 1e-9)) {
    return common::InvalidField("reward", absl::StrCat(rollout.reward()),
                                absl::StrCat("the rubric's weights add up to ", bound));
  }
  for (int i = 0; i < rollout.scores_size(); ++i) {
    const int num_items = rollout.scores(i).item_values_size();
    if (num_items > reward.verifiers(i).ranking().num_items()) {
      return common::InvalidField(absl::StrCat("scores[", i, "].item_values"), absl::StrCat(num_items),
                                  absl::StrCat("at most ", reward.verifiers(i).ranking().num_items()));
    }
  }
  return absl::OkStatus();
}

// The list that item credit is made of is as long as its verifier says, whatever the completion was.
absl::Status CheckItemValues(const cohort::v1::Rollout& rollout, const GroupDemand& demand) {
  if (!demand.needs_item_values || rollout.outcome() != cohort::v1::SCORE_OUTCOME_GRADED) return absl::OkStatus();
  const auto& verifiers = demand.reward->verifiers();
  const auto first = std::find_if(verifiers.begin(), verifiers.end(), [](const auto& v) { return v.has_ranking(); });
  if (first == verifiers.end()) return absl::OkStatus();
  const int index = static_cast<int>(first - verifiers.begin());
  const int num_values = index < rollout.scores_size() ? rollout.scores(index).item_values_size() : 0;
  if (num_values == first->ranking().num_items()) return absl::OkStatus();
  return common::InvalidField(absl::StrCat("scores[", index, "].item_values"), absl::StrCat(num_values),
                              absl::StrCat("needs ", first->ranking().num_items(), " values"));
}

// Ranking verifiers of one rubric may differ in N; the first one's values are the credit.
void AddFacts(const cohort::v1::Rollout& rollout, cohort::v1::PlannedGroup* planned) {
  cohort::v1::SequenceFacts& facts = *planned->add_facts();
  const auto& logprobs = rollout.behavior_logprobs();
  const double sum = std::accumulate(logprobs.begin(), logprobs.end(), 0.0);
  if (!logprobs.empty()) facts.set_mean_behavior_logprob(sum / logprobs.size());
  for (const cohort::v1::Score& score : rollout.scores()) {
    facts.add_verifier_scores(score.value());
    if (facts.item_values().empty()) *facts.mutable_item_values() = score.item_values();
  }
  if (rollout.outcome() != cohort::v1::SCORE_OUTCOME_GRADED) facts.clear_item_values();
}

// Which group it is.
absl::Status CheckIdentity(const cohort::v1::RolloutGroup& group, const GroupRecord& record) {
  if (group.policy_version() != record.policy_version) {
    return common::InvalidField("policy_version", absl::StrCat(group.policy_version()),
                                absl::StrCat("must be ", record.policy_version));
  }
  if (group.problem_id() == record.problem_id) return absl::OkStatus();
  return common::InvalidField("problem_id", absl::StrCat(group.problem_id()),
                              absl::StrCat("must be ", record.problem_id));
}

absl::Status CheckRescored(const cohort::v1::Rollout& rollout, const cohort::v1::Rollout& stored,
                           const cohort::v1::RewardSpec& reward) {
  if (rollout.sibling() != stored.sibling()) {
    return common::InvalidField("sibling", absl::StrCat(rollout.sibling()), "must be as stored");
  }
  if (rollout.text() != stored.text() || rollout.finish_reason() != stored.finish_reason()) {
    return common::InvalidField("text", absl::StrCat(rollout.text().size(), " bytes"), "is not the stored completion");
  }
  if (!rollout.token_ids().empty() || !rollout.behavior_logprobs().empty() || !rollout.sampling_logprobs().empty()) {
    return common::InvalidField("token_ids", absl::StrCat(rollout.token_ids_size()), "nothing was sampled");
  }
  if (rollout.scores_size() != reward.verifiers_size()) {
    return common::InvalidField("scores", absl::StrCat(rollout.scores_size()),
                                absl::StrCat("needs one per verifier, ", reward.verifiers_size()));
  }
  for (int i = 0; i < rollout.scores_size(); ++i) {
    if (rollout.scores(i).verifier() == reward.verifiers(i).name()) continue;
    return common::InvalidField(absl::StrCat("scores[", i, "].verifier"), rollout.scores(i).verifier(),
                                absl::StrCat("must be ", reward.verifiers(i).name()));
  }
  return CheckAgainstRubric(rollout, {.reward = &reward});
}

}  // namespace

absl::Status CheckRescoredGroup(const cohort::v1::RolloutGroup& group, const GroupRecord& record,
                                const cohort::v1::RolloutGroup& stored, const cohort::v1::RewardSpec& reward) {
  COHORT_RETURN_IF_ERROR(CheckIdentity(group, record));
  if (!group.prompt_token_ids().empty()) {
    return common::InvalidField("prompt_token_ids", absl::StrCat(group.prompt_token_ids_size()), "nothing was sampled");
  }
  if (group.rollouts_size() != stored.rollouts_size()) {
    return common::InvalidField("rollouts", absl::StrCat(group.rollouts_size()),
                                absl::StrCat("needs ", stored.rollouts_size(), " rollouts"));
  }
  for (int i = 0; i < group.rollouts_size(); ++i) {
    const std::string field = absl::StrCat("rollouts[", i, "]");
    COHORT_RETURN_IF_ERROR(CheckVerdict(group.rollouts(i), field));
    COHORT_RETURN_IF_ERROR(common::PrefixField(CheckRescored(group.rollouts(i), stored.rollouts(i), reward), field));
  }
  return absl::OkStatus();
}

absl::Status CheckSubmittedGroup(const cohort::v1::RolloutGroup& group, const GroupRecord& record,
                                 const GroupDemand& demand) {
  COHORT_RETURN_IF_ERROR(CheckIdentity(group, record));
  if (group.prompt_token_ids_size() == 0) return common::InvalidField("prompt_token_ids", "", "must not be empty");
  COHORT_RETURN_IF_ERROR(CheckTokenIds(group.prompt_token_ids(), demand.vocab_size, "prompt_token_ids"));
  if (group.rollouts_size() != demand.group_size) {
    return common::InvalidField("rollouts", absl::StrCat(group.rollouts_size()),
                                absl::StrCat("needs ", demand.group_size, " rollouts"));
  }
  for (int i = 0; i < group.rollouts_size(); ++i) {
    const cohort::v1::Rollout& rollout = group.rollouts(i);
    const std::string field = absl::StrCat("rollouts[", i, "]");
    COHORT_RETURN_IF_ERROR(CheckRollout(rollout, i, demand));
    COHORT_RETURN_IF_ERROR(common::PrefixField(CheckAgainstRubric(rollout, demand), field));
    COHORT_RETURN_IF_ERROR(common::PrefixField(CheckItemValues(rollout, demand), field));
    const int64_t num_tokens = int64_t{group.prompt_token_ids_size()} + rollout.token_ids_size();
    if (demand.max_sequence_tokens > 0 && num_tokens > demand.max_sequence_tokens) {
      return common::InvalidField(
          "prompt_token_ids", absl::StrCat(group.prompt_token_ids_size()),
          absl::StrCat("with the completion of ", field, " there are ", num_tokens,
                       " tokens; training.max_sequence_tokens is ", demand.max_sequence_tokens));
    }
  }
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
    AddFacts(rollout, &outcome.planned);
  }
  outcome.generation_end_seconds = absl::ToUnixNanos(now) * 1e-9 - Seconds(group.scoring_time());
  outcome.generation_begin_seconds = outcome.generation_end_seconds - Seconds(group.generation_time());
  return outcome;
}

}  // namespace cohort::coordinator
