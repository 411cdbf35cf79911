// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/rollout_worker_metrics.h"

#include <array>

namespace cohort::rollout_worker {
namespace {

constexpr char kJob[] = "training_job";
constexpr size_t kMaxJobs = 32;
const prometheus::Histogram::BucketBoundaries kSeconds = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30};
// A sequence may be decoded for long.
const prometheus::Histogram::BucketBoundaries kLongSeconds = {0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000};
const prometheus::Histogram::BucketBoundaries kTokenSeconds = {0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1};
const prometheus::Histogram::BucketBoundaries kTokens = {8,    16,   32,   64,   128,   256,  512,
                                                         1024, 2048, 4096, 8192, 16384, 32768};
// By IdleReason.
constexpr std::array<const char*, 5> kIdleReasons = {"no_groups", "weights", "scoring", "paused", "coordinator"};

}  // namespace

RolloutWorkerMetrics::RolloutWorkerMetrics(prometheus::Registry* registry)
    : catalogue_(registry, kJob, kMaxJobs),
      groups_(&catalogue_, "cohort_rollout_worker_groups_total",
              "Claimed groups by what became of them: submitted, refused, lost, released, failed.", {kJob, "outcome"}),
      completions_(&catalogue_, "cohort_rollout_worker_completions_total", "Finished completions by finish reason.",
                   {kJob, "finish_reason"}),
      policy_version_(&catalogue_, "cohort_rollout_worker_policy_version", "Newest policy version in use.", {kJob}),
      idle_seconds_(&catalogue_, "cohort_rollout_worker_idle_seconds_total",
                    "Time in which the engine did not decode, by reason.", {"reason"}),
      verifier_seconds_(&catalogue_, "cohort_rollout_worker_verifier_seconds", "Time of one judgement of a verifier.",
                        {kJob, "verifier"}, kSeconds),
      verdicts_(&catalogue_, "cohort_rollout_worker_verdicts_total",
                "Judgements by outcome: graded, wrong, no_verdict.", {kJob, "verifier", "outcome"}),
      verifier_timeouts_(&catalogue_, "cohort_rollout_worker_verifier_timeouts_total",
                         "Attempts to judge that ran past the deadline of the verifier.", {kJob, "verifier"}),
      generated_tokens(catalogue_.AddCounter("cohort_rollout_worker_generated_tokens_total", "Sampled tokens.")),
      prefilled_tokens(catalogue_.AddCounter("cohort_rollout_worker_prefilled_tokens_total",
                                             "Prompt tokens computed, once per group.")),
      prompt_tokens(
          catalogue_.AddCounter("cohort_rollout_worker_prompt_tokens_total",
                                "Prompt tokens of the finished sequences; what was not computed for them was shared.")),
      generation_seconds(
          catalogue_.AddCounter("cohort_rollout_worker_generation_seconds_total", "Time spent in decode steps.")),
      decode_steps(catalogue_.AddCounter("cohort_rollout_worker_decode_steps_total", "Decode steps.")),
      running_sequences(catalogue_.AddGauge("cohort_rollout_worker_running_sequences", "Sequences being decoded.")),
      waiting_sequences(
          catalogue_.AddGauge("cohort_rollout_worker_waiting_sequences", "Claimed sequences that wait for a slot.")),
      kv_cache_used_ratio(
          catalogue_.AddGauge("cohort_rollout_worker_kv_cache_used_ratio", "Share of KV blocks that are held.")),
      scoring_queue_groups(
          catalogue_.AddGauge("cohort_rollout_worker_scoring_queue_groups", "Sampled groups that wait for a score.")),
      submit_queue_groups(
          catalogue_.AddGauge("cohort_rollout_worker_submit_queue_groups", "Scored groups that wait to be submitted.")),
      scoring_seconds(
          catalogue_.AddHistogram("cohort_rollout_worker_scoring_seconds", "Time to score one group.", kSeconds)),
      sequence_queue_seconds(catalogue_.AddHistogram(
          "cohort_rollout_worker_sequence_queue_seconds",
          "Time of a sequence from its arrival in the engine to the step in which it joins.", kLongSeconds)),
      sequence_prefill_seconds(
          catalogue_.AddHistogram("cohort_rollout_worker_sequence_prefill_seconds",
                                  "Time of the step in which a sequence joins and gets its first token.", kSeconds)),
      sequence_decode_seconds(catalogue_.AddHistogram("cohort_rollout_worker_sequence_decode_seconds",
                                                      "Time of a sequence from its first token to its last.",
                                                      kLongSeconds)),
      sequence_token_seconds(catalogue_.AddHistogram("cohort_rollout_worker_sequence_token_seconds",
                                                     "Mean time per token of a sequence after its first.",
                                                     kTokenSeconds)),
      completion_tokens(
          catalogue_.AddHistogram("cohort_rollout_worker_completion_tokens", "Lengths of completions.", kTokens)),
      weight_fetch_seconds(catalogue_.AddHistogram("cohort_rollout_worker_weight_fetch_seconds",
                                                   "Time to fetch and verify one policy version.", kSeconds)),
      weight_fetch_bytes(catalogue_.AddCounter("cohort_rollout_worker_weight_fetch_bytes_total",
                                               "Bytes of the policy versions that were fetched and verified.")),
      refused_versions(catalogue_.AddCounter("cohort_rollout_worker_refused_versions_total",
                                             "Policy versions refused because their checksum was wrong.")),
      coordinator_errors(catalogue_.AddCounter("cohort_rollout_worker_coordinator_errors_total",
                                               "Calls to the coordinator that failed.")),
      row_dependence(catalogue_.AddGauge(
          "cohort_rollout_worker_row_dependence",
          "1 when the bits of a linear layer's row depend on its batch; 0 where log-probs are exact.")) {
  for (const char* reason : kIdleReasons) idle_seconds_.At({reason}).Make();
}

void RolloutWorkerMetrics::AddIdleTime(IdleReason reason, absl::Duration time) {
  idle_seconds_.At({kIdleReasons[static_cast<size_t>(reason)]}).Increment(absl::ToDoubleSeconds(time));
}

void RolloutWorkerMetrics::RecordJudgement(const std::string& training_job, const std::string& verifier,
                                           const std::string& outcome, absl::Duration elapsed, int num_timeouts) {
  verifier_seconds_.At({training_job, verifier}).Observe(absl::ToDoubleSeconds(elapsed));
  verdicts_.At({training_job, verifier, outcome}).Increment();
  verifier_timeouts_.At({training_job, verifier}).Increment(num_timeouts);
}

}  // namespace cohort::rollout_worker
