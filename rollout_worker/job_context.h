// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_JOB_CONTEXT_H_
#define COHORT_ROLLOUT_WORKER_JOB_CONTEXT_H_

// Torch-free.
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cohort/v1/rollout_service.pb.h"
#include "model/model_config.h"
#include "model/precision.h"
#include "model/tokenizer/tokenizer.h"
#include "reward/rubric.h"
#include "reward/sandbox/zygote.h"
#include "rollout_worker/engine/sequence.h"

namespace cohort::rollout_worker {

// What a worker keeps of a job: config and tokenizer, unless its completions exist already, and rubrics. Immutable,
// thread-safe.
class JobContext final {
 public:
  // INVALID_ARGUMENT or NOT_FOUND name the folder or the field. `zygote` must outlive the context.
  static absl::StatusOr<std::shared_ptr<const JobContext>> Create(const cohort::v1::RolloutSetup& setup,
                                                                  reward::Zygote* zygote, int num_scoring_children);

  const std::string& job() const { return setup_.job(); }
  // Whether it was made of this setup. A job of the same name may be another one.
  bool IsOf(const cohort::v1::RolloutSetup& setup) const;
  const model::ModelConfig& config() const { return config_; }
  // What the job's model is sampled in.
  model::Precision precision() const { return precision_; }
  const model::Tokenizer& tokenizer() const { return *tokenizer_; }
  // Evaluation falls back to the reward of the job. FAILED_PRECONDITION when the job has none for this purpose.
  absl::StatusOr<reward::Rubric*> RubricFor(cohort::v1::GroupPurpose purpose) const;

  // The group as the engine wants it, prompt tokenized and completion length bound by the job's sequence length.
  // INVALID_ARGUMENT names what is wrong with the prompt; FAILED_PRECONDITION when the job has no model.
  absl::StatusOr<EngineGroup> MakeEngineGroup(const cohort::v1::GroupAssignment& assignment, int64_t id) const;

 private:
  JobContext() = default;

  cohort::v1::RolloutSetup setup_;
  model::ModelConfig config_;
  model::Precision precision_ = model::Precision::kFp32;
  std::unique_ptr<model::Tokenizer> tokenizer_;                 // null when the job has no model
  std::unique_ptr<reward::Rubric> rubric_, evaluation_rubric_;  // null when there is none, or none of its own
  int64_t max_sequence_tokens_ = 0;
};

// The spec with its defaults filled in.
SamplingParameters ResolveSampling(const cohort::v1::SamplingSpec& spec);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_JOB_CONTEXT_H_
