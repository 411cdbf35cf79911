// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ROLLOUT_WORKER_METRICS_H_
#define COHORT_ROLLOUT_WORKER_ROLLOUT_WORKER_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

namespace cohort::rollout_worker {

// Every metric of the room. Thread-safe. The registry owns them and must outlive this.
struct RolloutWorkerMetrics {
  explicit RolloutWorkerMetrics(prometheus::Registry* registry);

  // What became of claimed groups; `outcome` is submitted, refused, lost, released or failed.
  prometheus::Counter& Groups(const std::string& training_job, const std::string& outcome) {
    return groups.Add({{"training_job", training_job}, {"outcome", outcome}});
  }
  // `finish_reason` is eos or length.
  prometheus::Counter& Completions(const std::string& training_job, const std::string& finish_reason) {
    return completions.Add({{"training_job", training_job}, {"finish_reason", finish_reason}});
  }
  prometheus::Gauge& PolicyVersion(const std::string& training_job) {
    return policy_version.Add({{"training_job", training_job}});
  }

  prometheus::Family<prometheus::Counter>& groups;
  prometheus::Family<prometheus::Counter>& completions;
  prometheus::Family<prometheus::Gauge>& policy_version;
  prometheus::Counter& generated_tokens;
  prometheus::Counter& prefilled_tokens;
  prometheus::Counter& generation_seconds;
  prometheus::Counter& decode_steps;
  prometheus::Gauge& running_sequences;
  prometheus::Gauge& waiting_sequences;
  prometheus::Gauge& kv_cache_used_ratio;
  prometheus::Gauge& scoring_queue_groups;
  prometheus::Gauge& submit_queue_groups;
  prometheus::Histogram& scoring_seconds;
  prometheus::Histogram& weight_fetch_seconds;
  prometheus::Counter& refused_versions;
  prometheus::Counter& coordinator_errors;
  prometheus::Gauge& row_dependence;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ROLLOUT_WORKER_METRICS_H_
