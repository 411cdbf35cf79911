// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_JOB_BUILDER_H_
#define COHORT_COORDINATOR_TESTING_JOB_BUILDER_H_

#include <string>

#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// A small valid RLVR job: 3 steps of 4 groups of 2, one rank, problems in problems.jsonl. Pure.
inline cohort::v1::JobSpec SmallRlvrSpec() {
  cohort::v1::JobSpec spec;
  spec.mutable_model()->set_path("model");
  cohort::v1::RlvrSpec& rlvr = *spec.mutable_rlvr();
  rlvr.mutable_data()->mutable_jsonl()->set_path("problems.jsonl");
  rlvr.mutable_data()->mutable_fields()->set_prompt("question");
  rlvr.mutable_data()->mutable_fields()->set_answer("answer");
  rlvr.mutable_reward()->add_verifiers()->mutable_math_answer();
  rlvr.mutable_rollout()->set_group_size(2);
  rlvr.mutable_rollout()->set_groups_per_step(4);
  rlvr.mutable_rollout()->mutable_sampling()->set_max_completion_tokens(8);
  spec.mutable_optimizer()->set_learning_rate(1e-3);
  spec.mutable_training()->set_num_steps(3);
  return spec;
}

// A small valid SFT job: 3 steps of 4 demonstrations, one rank, rows in problems.jsonl. Pure.
inline cohort::v1::JobSpec SmallSftSpec() {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  cohort::v1::SftSpec& sft = *spec.mutable_sft();
  sft.mutable_data()->mutable_jsonl()->set_path("problems.jsonl");
  sft.mutable_data()->mutable_fields()->set_prompt("question");
  sft.mutable_data()->mutable_fields()->set_completion("answer");
  sft.set_sequences_per_step(4);
  return spec;
}

// Adds a held-out evaluation with one run.
inline void AddEvaluation(const std::string& run, int32_t samples, double min_final_accuracy,
                          cohort::v1::JobSpec* spec) {
  cohort::v1::EvaluationSpec& evaluation = *spec->mutable_evaluation();
  evaluation.mutable_data()->mutable_jsonl()->set_path("held_out.jsonl");
  evaluation.mutable_data()->mutable_fields()->set_prompt("question");
  evaluation.mutable_data()->mutable_fields()->set_answer("answer");
  if (!evaluation.has_reward()) evaluation.mutable_reward()->add_verifiers()->mutable_math_answer();
  cohort::v1::EvaluationRun& added = *evaluation.add_runs();
  added.set_name(run);
  added.set_samples_per_problem(samples);
  added.mutable_sampling()->set_max_completion_tokens(8);
  added.set_min_final_accuracy(min_final_accuracy);
}

// A small valid EVAL job: one run of `samples` completions of each problem in held_out.jsonl. Pure.
inline cohort::v1::JobSpec SmallEvalSpec(int32_t samples) {
  cohort::v1::JobSpec spec;
  spec.mutable_model()->set_path("model");
  spec.mutable_eval();
  AddEvaluation("sampled", samples, 0, &spec);
  return spec;
}

// A small valid RESCORE job: all steps of another job, by one verifier named "again". Pure.
inline cohort::v1::JobSpec SmallRescoreSpec(const std::string& job) {
  cohort::v1::JobSpec spec;
  spec.mutable_rescore()->set_job(job);
  cohort::v1::VerifierSpec& verifier = *spec.mutable_rescore()->mutable_reward()->add_verifiers();
  verifier.set_name("again");
  verifier.mutable_math_answer();
  return spec;
}

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_JOB_BUILDER_H_
