// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_LEARNER_METRICS_H_
#define COHORT_LEARNER_LEARNER_METRICS_H_

// Torch-free.
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "common/telemetry/labeled_family.h"
#include "common/telemetry/metric_catalogue.h"

namespace cohort::learner {

// Why a rank has nothing to train.
enum class IdleReason {
  kGang,         // no gang that it is a rank of
  kPlan,         // the plan of the next train step, and its payload
  kCoordinator,  // the coordinator does not answer
};

// The room's metrics. Series of a job stay while it is among the 32 that were updated last. Thread-safe; the registry
// must outlive it.
class LearnerMetrics final {
 public:
  // A checkpoint that was sealed.
  struct SealedCheckpoint {
    double seconds = 0;  // to write it
    int64_t size_bytes = 0;
    absl::Time sealed_time;
  };

  explicit LearnerMetrics(prometheus::Registry* registry);

  // This rank begins on a job: counters of faults begin at 0, so that the first one is an increase.
  void AddJob(const std::string& training_job);

  // One committed (or replayed) train step with its CommitStep metrics.
  void RecordStep(const std::string& training_job, int64_t policy_version,
                  const std::map<std::string, double>& step_metrics);
  // The peak of this rank's tensors over the steps so far, and what was predicted for it.
  void RecordMemory(const std::string& training_job, int64_t predicted_bytes, int64_t peak_bytes);
  // A version was copied for the workers.
  void RecordPublish(const std::string& training_job, double seconds, int64_t size_bytes);
  void AddIdleTime(IdleReason reason, absl::Duration time);
  // Training stood still for so long to let a checkpoint begin.
  void RecordCheckpointStall(const std::string& training_job, double seconds);
  void RecordCheckpoint(const std::string& training_job, const SealedCheckpoint& sealed);
  void RecordCheckpointFailure(const std::string& training_job);
  void RecordDamagedCheckpoint(const std::string& training_job);
  void RecordGangLoss(const std::string& training_job);
  const common::MetricCatalogue& catalogue() const { return catalogue_; }

 private:
  using Counters = common::LabeledFamily<prometheus::Counter>;
  using Gauges = common::LabeledFamily<prometheus::Gauge>;
  using Histograms = common::LabeledFamily<prometheus::Histogram>;

  common::MetricCatalogue catalogue_;
  Counters steps_;
  Counters trained_tokens_;
  Counters phase_seconds_;
  Counters idle_seconds_;
  Counters published_bytes_;
  Counters checkpoint_failures_;
  Counters damaged_checkpoints_;
  Counters gang_losses_;
  Gauges policy_version_;
  Gauges loss_;
  Gauges gradient_norm_;
  Gauges update_ratio_;
  Gauges mismatch_;
  Gauges memory_predicted_bytes_;
  Gauges memory_peak_bytes_;
  Histograms step_seconds_;
  Histograms publish_seconds_;
  Gauges checkpoint_bytes_;
  Gauges checkpoint_time_;
  Histograms checkpoint_stall_seconds_;
  Histograms checkpoint_seconds_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_LEARNER_METRICS_H_
