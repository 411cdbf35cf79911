// SPDX-License-Identifier: Apache-2.0
#include "learner/learner_metrics.h"

#include "learner/phase_timer.h"

namespace cohort::learner {
namespace {

const prometheus::Histogram::BucketBoundaries kSeconds = {0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 1800};

prometheus::Family<prometheus::Counter>& Counter(prometheus::Registry* registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
}
prometheus::Family<prometheus::Gauge>& Gauge(prometheus::Registry* registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry);
}
prometheus::Family<prometheus::Histogram>& Histogram(prometheus::Registry* registry, const char* name,
                                                     const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(*registry);
}

double ValueOr(const std::map<std::string, double>& metrics, const std::string& name, double otherwise) {
  const auto found = metrics.find(name);
  return found == metrics.end() ? otherwise : found->second;
}

}  // namespace

LearnerMetrics::LearnerMetrics(prometheus::Registry* registry)
    : steps_(
          Counter(registry, "cohort_learner_train_steps_total", "Train steps done by this process, replays included.")),
      trained_tokens_(
          Counter(registry, "cohort_learner_trained_tokens_total", "Trained tokens of those steps over all ranks.")),
      phase_seconds_(
          Counter(registry, "cohort_learner_phase_seconds_total", "Time by phase of the train step, mean over ranks.")),
      checkpoint_failures_(Counter(registry, "cohort_learner_checkpoint_failures_total",
                                   "Checkpoints that could not be sealed; the one before stays valid.")),
      damaged_checkpoints_(Counter(registry, "cohort_learner_damaged_checkpoints_total",
                                   "Damaged checkpoints that this rank met; an older one was resumed from.")),
      gang_losses_(Counter(registry, "cohort_learner_gang_losses_total", "Times that this rank lost its gang.")),
      policy_version_(Gauge(registry, "cohort_learner_policy_version", "Policy version that this rank has.")),
      loss_(Gauge(registry, "cohort_learner_loss_nats", "Loss of the last train step.")),
      gradient_norm_(
          Gauge(registry, "cohort_learner_gradient_norm", "Gradient norm before clipping, last train step.")),
      update_ratio_(Gauge(registry, "cohort_learner_update_ratio",
                          "Norm of an update by the norm of the weights, last train step.")),
      mismatch_(Gauge(registry, "cohort_learner_mismatch_max_nats",
                      "Largest train-inference log-prob mismatch of the last train step.")),
      step_seconds_(Histogram(registry, "cohort_learner_step_seconds",
                              "Time of a train step from the arrival of its plan to its commit.")),
      publish_seconds_(Histogram(registry, "cohort_learner_publish_seconds", "Time to copy and hash a version.")),
      checkpoint_bytes_(Gauge(registry, "cohort_learner_checkpoint_bytes", "Size of the newest sealed checkpoint.")),
      checkpoint_time_(Gauge(registry, "cohort_learner_checkpoint_timestamp_seconds",
                             "When the newest checkpoint was sealed, in seconds since 1970.")),
      checkpoint_stall_seconds_(Histogram(registry, "cohort_learner_checkpoint_stall_seconds",
                                          "Time that training stood still to copy what a checkpoint holds, and to wait "
                                          "for the checkpoint before.")),
      checkpoint_seconds_(Histogram(registry, "cohort_learner_checkpoint_seconds",
                                    "Time to write and seal a checkpoint, while training goes on.")) {}

void LearnerMetrics::RecordStep(const std::string& training_job, int64_t policy_version,
                                const std::map<std::string, double>& step_metrics) {
  const prometheus::Labels labels = {{"training_job", training_job}};
  steps_.Add(labels).Increment();
  trained_tokens_.Add(labels).Increment(ValueOr(step_metrics, "trained_tokens", 0));
  for (const char* phase : kPhaseNames) {
    phase_seconds_.Add({{"training_job", training_job}, {"phase", phase}})
        .Increment(ValueOr(step_metrics, std::string(phase) + "_seconds", 0));
  }
  policy_version_.Add(labels).Set(static_cast<double>(policy_version));
  loss_.Add(labels).Set(ValueOr(step_metrics, "loss", 0));
  gradient_norm_.Add(labels).Set(ValueOr(step_metrics, "gradient_norm", 0));
  update_ratio_.Add(labels).Set(ValueOr(step_metrics, "update_ratio", 0));
  // No gauge rather than 0 where it is not measured.
  const auto mismatch = step_metrics.find("mismatch_max_abs");
  if (mismatch != step_metrics.end()) mismatch_.Add(labels).Set(mismatch->second);
  step_seconds_.Add(labels, kSeconds).Observe(ValueOr(step_metrics, "learner_seconds", 0));
}

void LearnerMetrics::RecordPublish(const std::string& training_job, double seconds) {
  publish_seconds_.Add({{"training_job", training_job}}, kSeconds).Observe(seconds);
}

void LearnerMetrics::RecordCheckpointStall(const std::string& training_job, double seconds) {
  checkpoint_stall_seconds_.Add({{"training_job", training_job}}, kSeconds).Observe(seconds);
}

void LearnerMetrics::RecordCheckpoint(const std::string& training_job, const SealedCheckpoint& sealed) {
  const prometheus::Labels labels = {{"training_job", training_job}};
  checkpoint_bytes_.Add(labels).Set(static_cast<double>(sealed.size_bytes));
  checkpoint_time_.Add(labels).Set(absl::ToDoubleSeconds(sealed.sealed_time - absl::UnixEpoch()));
  checkpoint_seconds_.Add(labels, kSeconds).Observe(sealed.seconds);
}

void LearnerMetrics::RecordCheckpointFailure(const std::string& training_job) {
  checkpoint_failures_.Add({{"training_job", training_job}}).Increment();
}

void LearnerMetrics::RecordDamagedCheckpoint(const std::string& training_job) {
  damaged_checkpoints_.Add({{"training_job", training_job}}).Increment();
}

void LearnerMetrics::RecordGangLoss(const std::string& training_job) {
  gang_losses_.Add({{"training_job", training_job}}).Increment();
}

}  // namespace cohort::learner
