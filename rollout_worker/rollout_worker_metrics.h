// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ROLLOUT_WORKER_METRICS_H_
#define COHORT_ROLLOUT_WORKER_ROLLOUT_WORKER_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

#include "absl/time/time.h"
#include "common/telemetry/labeled_family.h"
#include "common/telemetry/metric_catalogue.h"

namespace cohort::rollout_worker {

// Why the engine does not decode.
enum class IdleReason {
  kNoGroups,     // the coordinator has no group for it
  kWeights,      // a claimed group waits for its policy version, or for what else its job needs
  kScoring,      // too many sampled groups wait for a score
  kPaused,       // groups failed here: a pause before the next claim
  kCoordinator,  // the coordinator does not answer
};

// Every metric of the room. Series of a job stay while it is among the 32 that were updated last. Thread-safe. The
// registry owns the metrics and must outlive this.
class RolloutWorkerMetrics final {
 private:
  using Counters = common::LabeledFamily<prometheus::Counter>;
  using Gauges = common::LabeledFamily<prometheus::Gauge>;
  using Histograms = common::LabeledFamily<prometheus::Histogram>;

  common::MetricCatalogue catalogue_;

 public:
  explicit RolloutWorkerMetrics(prometheus::Registry* registry);

  // What became of claimed groups; `outcome` is submitted, refused, lost, released or failed.
  Counters::Series Groups(const std::string& training_job, const std::string& outcome) {
    return groups_.At({training_job, outcome});
  }
  // `finish_reason` is eos or length.
  Counters::Series Completions(const std::string& training_job, const std::string& finish_reason) {
    return completions_.At({training_job, finish_reason});
  }
  Gauges::Series PolicyVersion(const std::string& training_job) { return policy_version_.At({training_job}); }
  void AddIdleTime(IdleReason reason, absl::Duration time);
  // One judgement of one verifier; `outcome` is graded, wrong or no_verdict.
  void RecordJudgement(const std::string& training_job, const std::string& verifier, const std::string& outcome,
                       absl::Duration elapsed, int num_timeouts);
  const common::MetricCatalogue& catalogue() const { return catalogue_; }

 private:
  Counters groups_;
  Counters completions_;
  Gauges policy_version_;
  Counters idle_seconds_;
  Histograms verifier_seconds_;
  Counters verdicts_;
  Counters verifier_timeouts_;

 public:
  prometheus::Counter& generated_tokens;
  prometheus::Counter& prefilled_tokens;
  prometheus::Counter& prompt_tokens;
  prometheus::Counter& generation_seconds;
  prometheus::Counter& decode_steps;
  prometheus::Gauge& running_sequences;
  prometheus::Gauge& waiting_sequences;
  prometheus::Gauge& kv_cache_used_ratio;
  prometheus::Gauge& scoring_queue_groups;
  prometheus::Gauge& submit_queue_groups;
  prometheus::Histogram& scoring_seconds;
  prometheus::Histogram& sequence_queue_seconds;
  prometheus::Histogram& sequence_prefill_seconds;
  prometheus::Histogram& sequence_decode_seconds;
  prometheus::Histogram& sequence_token_seconds;
  prometheus::Histogram& completion_tokens;
  prometheus::Histogram& weight_fetch_seconds;
  prometheus::Counter& weight_fetch_bytes;
  prometheus::Counter& refused_versions;
  prometheus::Counter& coordinator_errors;
  prometheus::Gauge& row_dependence;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ROLLOUT_WORKER_METRICS_H_
