// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/job_context.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "model/spec_precision.h"
#include "model/tokenizer/prompt_tokens.h"

namespace cohort::rollout_worker {
namespace {

absl::StatusOr<std::unique_ptr<reward::Rubric>> MakeRubric(const cohort::v1::RewardSpec& spec,
                                                           const std::string& data_root, reward::Zygote* zygote,
                                                           int num_scoring_children) {
  if (spec.verifiers().empty()) return nullptr;
  return reward::Rubric::Create(spec, data_root, zygote, num_scoring_children);
}

}  // namespace

SamplingParameters ResolveSampling(const cohort::v1::SamplingSpec& spec) {
  SamplingParameters sampling;
  if (spec.has_temperature()) sampling.temperature = spec.temperature();
  if (spec.has_top_p()) sampling.top_p = spec.top_p();
  sampling.top_k = spec.top_k();
  sampling.max_completion_tokens = spec.max_completion_tokens();
  return sampling;
}

absl::StatusOr<std::shared_ptr<const JobContext>> JobContext::Create(const cohort::v1::RolloutSetup& setup,
                                                                     reward::Zygote* zygote, int num_scoring_children) {
  std::shared_ptr<JobContext> context(new JobContext());
  context->setup_ = setup;
  context->precision_ = model::PrecisionOf(setup.precision());
  if (!setup.model_path().empty()) {
    COHORT_ASSIGN_OR_RETURN(context->config_, model::LoadModelConfig(setup.model_path()));
    COHORT_ASSIGN_OR_RETURN(context->tokenizer_, model::Tokenizer::Load(setup.model_path()));
  }
  COHORT_ASSIGN_OR_RETURN(context->rubric_,
                          MakeRubric(setup.reward(), setup.data_root(), zygote, num_scoring_children));
  const bool is_same = setup.evaluation_reward().SerializeAsString() == setup.reward().SerializeAsString();
  if (!is_same) {
    COHORT_ASSIGN_OR_RETURN(context->evaluation_rubric_,
                            MakeRubric(setup.evaluation_reward(), setup.data_root(), zygote, num_scoring_children));
  }
  context->max_sequence_tokens_ = context->config_.max_position_embeddings;
  if (setup.max_sequence_tokens() > 0) {
    context->max_sequence_tokens_ = std::min<int64_t>(context->max_sequence_tokens_, setup.max_sequence_tokens());
  }
  return context;
}

bool JobContext::IsOf(const cohort::v1::RolloutSetup& setup) const {
  return google::protobuf::util::MessageDifferencer::Equals(setup_, setup);
}

absl::StatusOr<reward::Rubric*> JobContext::RubricFor(cohort::v1::GroupPurpose purpose) const {
  if (purpose == cohort::v1::GROUP_PURPOSE_EVALUATE && evaluation_rubric_ != nullptr) return evaluation_rubric_.get();
  if (rubric_ == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("reward: the job has no verifiers for ",
                                                      cohort::v1::GroupPurpose_Name(purpose), " (", job(), ")"));
  }
  return rubric_.get();
}

absl::StatusOr<EngineGroup> JobContext::MakeEngineGroup(const cohort::v1::GroupAssignment& assignment,
                                                        int64_t id) const {
  if (tokenizer_ == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("model_path: the job has no model to sample with (", job(), ")"));
  }
  EngineGroup group;
  const cohort::v1::Problem& problem = assignment.problem();
  COHORT_ASSIGN_OR_RETURN(group.prompt_token_ids,
                          model::EncodePrompt(*tokenizer_, problem.prompt(), problem.prompt_is_rendered()));
  const int64_t num_prompt_tokens = static_cast<int64_t>(group.prompt_token_ids.size());
  if (num_prompt_tokens >= max_sequence_tokens_) {
    return absl::InvalidArgumentError(absl::StrCat("prompt: longer than the context (", num_prompt_tokens,
                                                   " tokens of ", max_sequence_tokens_, "), problem ",
                                                   problem.problem_id()));
  }
  group.id = id;
  group.group_size = assignment.group_size();
  group.sampling = ResolveSampling(assignment.sampling());
  group.sampling.max_completion_tokens = static_cast<int32_t>(
      std::min<int64_t>(group.sampling.max_completion_tokens, max_sequence_tokens_ - num_prompt_tokens));
  group.seed = assignment.seed();
  group.problem_id = problem.problem_id();
  group.epoch = assignment.epoch();
  return group;
}

}  // namespace cohort::rollout_worker
