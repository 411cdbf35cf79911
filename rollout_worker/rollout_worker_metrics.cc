// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/rollout_worker_metrics.h"

namespace cohort::rollout_worker {
namespace {

prometheus::Family<prometheus::Counter>& Counters(prometheus::Registry* registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
}

prometheus::Family<prometheus::Gauge>& Gauges(prometheus::Registry* registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry);
}

prometheus::Histogram& Seconds(prometheus::Registry* registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(*registry).Add(
      {}, prometheus::Histogram::BucketBoundaries{0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30});
}

}  // namespace

RolloutWorkerMetrics::RolloutWorkerMetrics(prometheus::Registry* r)
    : groups(Counters(r, "cohort_rollout_worker_groups_total",
                      "Claimed groups by what became of them: submitted, refused, lost, released, failed.")),
      completions(Counters(r, "cohort_rollout_worker_completions_total", "Finished completions by finish reason.")),
      policy_version(Gauges(r, "cohort_rollout_worker_policy_version", "Newest policy version in use.")),
      generated_tokens(Counters(r, "cohort_rollout_worker_generated_tokens_total", "Sampled tokens.").Add({})),
      prefilled_tokens(
          Counters(r, "cohort_rollout_worker_prefilled_tokens_total", "Prompt tokens computed, once per group.")
              .Add({})),
      generation_seconds(
          Counters(r, "cohort_rollout_worker_generation_seconds_total", "Time spent in decode steps.").Add({})),
      decode_steps(Counters(r, "cohort_rollout_worker_decode_steps_total", "Decode steps.").Add({})),
      running_sequences(Gauges(r, "cohort_rollout_worker_running_sequences", "Sequences being decoded.").Add({})),
      waiting_sequences(
          Gauges(r, "cohort_rollout_worker_waiting_sequences", "Claimed sequences that wait for a slot.").Add({})),
      kv_cache_used_ratio(
          Gauges(r, "cohort_rollout_worker_kv_cache_used_ratio", "Share of KV blocks that are held.").Add({})),
      scoring_queue_groups(
          Gauges(r, "cohort_rollout_worker_scoring_queue_groups", "Sampled groups that wait for a score.").Add({})),
      submit_queue_groups(
          Gauges(r, "cohort_rollout_worker_submit_queue_groups", "Scored groups that wait to be submitted.").Add({})),
      scoring_seconds(Seconds(r, "cohort_rollout_worker_scoring_seconds", "Time to score one group.")),
      weight_fetch_seconds(
          Seconds(r, "cohort_rollout_worker_weight_fetch_seconds", "Time to fetch and verify one policy version.")),
      refused_versions(Counters(r, "cohort_rollout_worker_refused_versions_total",
                                "Policy versions refused because their checksum was wrong.")
                           .Add({})),
      coordinator_errors(
          Counters(r, "cohort_rollout_worker_coordinator_errors_total", "Calls to the coordinator that failed.")
              .Add({})),
      row_dependence(Gauges(r, "cohort_rollout_worker_row_dependence",
                            "1 when the bits of a linear layer's row depend on its batch; 0 where log-probs are exact.")
                         .Add({})) {}

}  // namespace cohort::rollout_worker
