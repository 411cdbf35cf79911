// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/sequence_builder.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/tokenizer/prompt_tokens.h"

namespace cohort::learner {
namespace {

absl::Status CheckTokens(const TrainSequence& sequence, const TokenLimits& limits) {
  const int64_t num_tokens = static_cast<int64_t>(sequence.token_ids.size());
  if (sequence.num_prompt_tokens < 1) {
    return absl::InvalidArgumentError(absl::StrCat(sequence.label, ": the prompt has no token"));
  }
  if (num_tokens > limits.max_sequence_tokens) {
    return absl::InvalidArgumentError(absl::StrCat(sequence.label, ": longer than max_sequence_tokens (", num_tokens,
                                                   " > ", limits.max_sequence_tokens, ")"));
  }
  for (int32_t token : sequence.token_ids) {
    if (token < 0 || token >= limits.vocab_size) {
      return absl::InvalidArgumentError(
          absl::StrCat(sequence.label, ": token id outside the vocabulary (", token, " of ", limits.vocab_size, ")"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckAgainstPlan(const cohort::v1::PlannedGroup& planned, const cohort::v1::RolloutGroup& group,
                              size_t num_credits) {
  if (planned.group_id() != group.group_id()) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload: another group than planned (", group.group_id(), "), group ", planned.group_id()));
  }
  if (group.purpose() == cohort::v1::GROUP_PURPOSE_EVALUATE) {
    return absl::InvalidArgumentError(
        absl::StrCat("payload: sampled for an evaluation, never to be trained on, group ", planned.group_id()));
  }
  if (group.prompt_token_ids_size() != planned.prompt_tokens()) {
    return absl::InvalidArgumentError(absl::StrCat("payload: another prompt than planned (",
                                                   group.prompt_token_ids_size(), " tokens for ",
                                                   planned.prompt_tokens(), "), group ", planned.group_id()));
  }
  const int num_siblings = planned.completion_tokens_size();
  if (group.rollouts_size() != num_siblings || static_cast<int>(num_credits) != num_siblings) {
    return absl::InvalidArgumentError(absl::StrCat("payload: another number of rollouts than planned (",
                                                   group.rollouts_size(), " for ", num_siblings, "), group ",
                                                   planned.group_id()));
  }
  return absl::OkStatus();
}

absl::Status CheckRollout(const cohort::v1::Rollout& rollout, int32_t planned_tokens, const std::string& label) {
  if (rollout.token_ids_size() != planned_tokens || rollout.behavior_logprobs_size() != planned_tokens) {
    return absl::InvalidArgumentError(absl::StrCat(label, ": ", planned_tokens,
                                                   " tokens were planned, the payload has ", rollout.token_ids_size(),
                                                   " with ", rollout.behavior_logprobs_size(), " log-probs"));
  }
  if (planned_tokens == 0) return absl::InvalidArgumentError(absl::StrCat(label, ": the completion has no token"));
  for (int i = 0; i < planned_tokens; ++i) {
    if (!std::isfinite(rollout.behavior_logprobs(i))) {
      return absl::InvalidArgumentError(
          absl::StrCat(label, ": log-prob is not finite (", rollout.behavior_logprobs(i), "), token ", i));
    }
  }
  return absl::OkStatus();
}

// The bytes of every completion token.
absl::StatusOr<std::vector<std::string>> TokenTexts(const cohort::v1::Rollout& rollout, const std::string& label,
                                                    const RolloutReading& reading) {
  std::vector<std::string> texts;
  texts.reserve(rollout.token_ids_size());
  for (const int32_t token : rollout.token_ids()) {
    absl::StatusOr<std::string> text = reading.tokenizer->TokenText(token);
    if (!text.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(label, ": ", std::string(text.status().message())));
    }
    texts.push_back(*std::move(text));
  }
  return texts;
}

}  // namespace

absl::Status AppendRollouts(const cohort::v1::PlannedGroup& planned, const cohort::v1::RolloutGroup& rollouts,
                            int64_t group, const objective::GroupCredit& credit, const RolloutReading& reading,
                            std::vector<TrainSequence>* sequences) {
  COHORT_RETURN_IF_ERROR(CheckAgainstPlan(planned, rollouts, credit.size()));
  for (int i = 0; i < rollouts.rollouts_size(); ++i) {
    const cohort::v1::Rollout& rollout = rollouts.rollouts(i);
    TrainSequence sequence;
    sequence.label = absl::StrCat("group ", rollouts.group_id(), " sibling ", i);
    COHORT_RETURN_IF_ERROR(CheckRollout(rollout, planned.completion_tokens(i), sequence.label));
    sequence.token_ids.assign(rollouts.prompt_token_ids().begin(), rollouts.prompt_token_ids().end());
    sequence.num_prompt_tokens = rollouts.prompt_token_ids_size();
    sequence.token_ids.insert(sequence.token_ids.end(), rollout.token_ids().begin(), rollout.token_ids().end());
    sequence.behavior_logprobs.assign(rollout.behavior_logprobs().begin(), rollout.behavior_logprobs().end());
    sequence.group = group;
    sequence.advantage = credit[i].advantage;
    sequence.is_truncated = rollout.finish_reason() == cohort::v1::FINISH_REASON_LENGTH;
    COHORT_RETURN_IF_ERROR(CheckTokens(sequence, reading.limits));
    if (reading.tokenizer != nullptr) {
      COHORT_ASSIGN_OR_RETURN(const std::vector<std::string> texts, TokenTexts(rollout, sequence.label, reading));
      COHORT_ASSIGN_OR_RETURN(sequence.layout,
                              objective::LayOutSequence(*reading.objective, credit[i], texts,
                                                        rollout.finish_reason() == cohort::v1::FINISH_REASON_EOS));
    }
    sequences->push_back(std::move(sequence));
  }
  return absl::OkStatus();
}

absl::StatusOr<TrainSequence> EncodeDemonstration(const cohort::v1::Demonstration& demonstration,
                                                  const model::Tokenizer& tokenizer, int32_t eos_token_id,
                                                  const TokenLimits& limits) {
  TrainSequence sequence;
  sequence.label = absl::StrCat("problem ", demonstration.problem_id());
  absl::StatusOr<std::vector<int32_t>> prompt =
      model::EncodePrompt(tokenizer, demonstration.prompt(), demonstration.prompt_is_rendered());
  absl::StatusOr<std::vector<int32_t>> completion = tokenizer.Encode(demonstration.completion());
  for (const absl::Status& status : {prompt.status(), completion.status()}) {
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(sequence.label, ": ", std::string(status.message())));
    }
  }
  sequence.num_prompt_tokens = static_cast<int64_t>(prompt->size());
  sequence.token_ids = *std::move(prompt);
  sequence.token_ids.insert(sequence.token_ids.end(), completion->begin(), completion->end());
  sequence.token_ids.push_back(eos_token_id);
  COHORT_RETURN_IF_ERROR(CheckTokens(sequence, limits));
  return sequence;
}

}  // namespace cohort::learner
