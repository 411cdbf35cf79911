// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_LEARNER_METRICS_H_
#define COHORT_LEARNER_LEARNER_METRICS_H_

// Torch-free.
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace cohort::learner {

// The room's metrics. Thread-safe; the registry must outlive it.
class LearnerMetrics final {
 public:
  // A checkpoint that was sealed.
  struct SealedCheckpoint {
    double seconds = 0;  // to write it
    int64_t size_bytes = 0;
    absl::Time sealed_time;
  };

  explicit LearnerMetrics(prometheus::Registry* registry);

  // One committed (or replayed) train step with its CommitStep metrics.
  void RecordStep(const std::string& training_job, int64_t policy_version,
                  const std::map<std::string, double>& step_metrics);
  void RecordPublish(const std::string& training_job, double seconds);
  // Training stood still for so long to let a checkpoint begin.
  void RecordCheckpointStall(const std::string& training_job, double seconds);
  void RecordCheckpoint(const std::string& training_job, const SealedCheckpoint& sealed);
  void RecordCheckpointFailure(const std::string& training_job);
  void RecordDamagedCheckpoint(const std::string& training_job);
  void RecordGangLoss(const std::string& training_job);

 private:
  prometheus::Family<prometheus::Counter>& steps_;
  prometheus::Family<prometheus::Counter>& trained_tokens_;
  prometheus::Family<prometheus::Counter>& phase_seconds_;
  prometheus::Family<prometheus::Counter>& checkpoint_failures_;
  prometheus::Family<prometheus::Counter>& damaged_checkpoints_;
  prometheus::Family<prometheus::Counter>& gang_losses_;
  prometheus::Family<prometheus::Gauge>& policy_version_;
  prometheus::Family<prometheus::Gauge>& loss_;
  prometheus::Family<prometheus::Gauge>& gradient_norm_;
  prometheus::Family<prometheus::Gauge>& update_ratio_;
  prometheus::Family<prometheus::Gauge>& mismatch_;
  prometheus::Family<prometheus::Histogram>& step_seconds_;
  prometheus::Family<prometheus::Histogram>& publish_seconds_;
  prometheus::Family<prometheus::Gauge>& checkpoint_bytes_;
  prometheus::Family<prometheus::Gauge>& checkpoint_time_;
  prometheus::Family<prometheus::Histogram>& checkpoint_stall_seconds_;
  prometheus::Family<prometheus::Histogram>& checkpoint_seconds_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_LEARNER_METRICS_H_
