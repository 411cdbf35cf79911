// SPDX-License-Identifier: Apache-2.0
#include "learner/learner_metrics.h"

#include <array>

#include "learner/phase_timer.h"

namespace cohort::learner {
namespace {

constexpr char kJob[] = "training_job";
constexpr size_t kMaxJobs = 32;
// By IdleReason.
constexpr std::array<const char*, 3> kIdleReasons = {"gang", "plan", "coordinator"};
const prometheus::Histogram::BucketBoundaries kSeconds = {0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 1800};

double ValueOr(const std::map<std::string, double>& metrics, const std::string& name, double otherwise) {
  const auto found = metrics.find(name);
  return found == metrics.end() ? otherwise : found->second;
}

}  // namespace

LearnerMetrics::LearnerMetrics(prometheus::Registry* registry)
    : catalogue_(registry, kJob, kMaxJobs),
      steps_(&catalogue_, "cohort_learner_train_steps_total", "Train steps done by this process, replays included.",
             {kJob}),
      trained_tokens_(&catalogue_, "cohort_learner_trained_tokens_total",
                      "Trained tokens of those steps over all ranks.", {kJob}),
      phase_seconds_(&catalogue_, "cohort_learner_phase_seconds_total",
                     "Time by phase of the train step, mean over ranks.", {kJob, "phase"}),
      idle_seconds_(&catalogue_, "cohort_learner_idle_seconds_total",
                    "Time in which this rank had nothing to train, by reason.", {"reason"}),
      published_bytes_(&catalogue_, "cohort_learner_published_bytes_total",
                       "Bytes of the versions that were copied for rollout workers.", {kJob}),
      checkpoint_failures_(&catalogue_, "cohort_learner_checkpoint_failures_total",
                           "Checkpoints that could not be sealed; the one before stays valid.", {kJob}),
      damaged_checkpoints_(&catalogue_, "cohort_learner_damaged_checkpoints_total",
                           "Damaged checkpoints that this rank met; an older one was resumed from.", {kJob}),
      gang_losses_(&catalogue_, "cohort_learner_gang_losses_total", "Times that this rank lost its gang.", {kJob}),
      policy_version_(&catalogue_, "cohort_learner_policy_version", "Policy version that this rank has.", {kJob}),
      loss_(&catalogue_, "cohort_learner_loss_nats", "Loss of the last train step.", {kJob}),
      gradient_norm_(&catalogue_, "cohort_learner_gradient_norm", "Gradient norm before clipping, last train step.",
                     {kJob}),
      update_ratio_(&catalogue_, "cohort_learner_update_ratio",
                    "Norm of an update by the norm of the weights, last train step.", {kJob}),
      mismatch_(&catalogue_, "cohort_learner_mismatch_max_nats",
                "Largest train-inference log-prob mismatch of the last train step.", {kJob}),
      memory_predicted_bytes_(&catalogue_, "cohort_learner_memory_predicted_bytes",
                              "Predicted peak of this rank's tensors, for the step that took most.", {kJob}),
      memory_peak_bytes_(&catalogue_, "cohort_learner_memory_peak_bytes",
                         "Measured peak of this rank's tensors over the train steps so far.", {kJob}),
      step_seconds_(&catalogue_, "cohort_learner_step_seconds",
                    "Time of a train step from the arrival of its plan to its commit.", {kJob}, kSeconds),
      publish_seconds_(&catalogue_, "cohort_learner_publish_seconds", "Time to copy and hash a version.", {kJob},
                       kSeconds),
      checkpoint_bytes_(&catalogue_, "cohort_learner_checkpoint_bytes", "Size of the newest sealed checkpoint.",
                        {kJob}),
      checkpoint_time_(&catalogue_, "cohort_learner_checkpoint_timestamp_seconds",
                       "When the newest checkpoint was sealed, in seconds since 1970.", {kJob}),
      checkpoint_stall_seconds_(
          &catalogue_, "cohort_learner_checkpoint_stall_seconds",
          "Time that training stood still to copy what a checkpoint holds, and to wait for the checkpoint before.",
          {kJob}, kSeconds),
      checkpoint_seconds_(&catalogue_, "cohort_learner_checkpoint_seconds",
                          "Time to write and seal a checkpoint, while training goes on.", {kJob}, kSeconds) {
  for (const char* reason : kIdleReasons) idle_seconds_.At({reason}).Make();
}

void LearnerMetrics::AddJob(const std::string& training_job) {
  for (Counters* counters : {&checkpoint_failures_, &damaged_checkpoints_, &gang_losses_}) {
    counters->At({training_job}).Make();
  }
}

void LearnerMetrics::AddIdleTime(IdleReason reason, absl::Duration time) {
  idle_seconds_.At({kIdleReasons[static_cast<size_t>(reason)]}).Increment(absl::ToDoubleSeconds(time));
}

void LearnerMetrics::RecordStep(const std::string& training_job, int64_t policy_version,
                                const std::map<std::string, double>& step_metrics) {
  steps_.At({training_job}).Increment();
  trained_tokens_.At({training_job}).Increment(ValueOr(step_metrics, "trained_tokens", 0));
  for (const char* phase : kPhaseNames) {
    phase_seconds_.At({training_job, phase}).Increment(ValueOr(step_metrics, std::string(phase) + "_seconds", 0));
  }
  policy_version_.At({training_job}).Set(static_cast<double>(policy_version));
  loss_.At({training_job}).Set(ValueOr(step_metrics, "loss", 0));
  gradient_norm_.At({training_job}).Set(ValueOr(step_metrics, "gradient_norm", 0));
  update_ratio_.At({training_job}).Set(ValueOr(step_metrics, "update_ratio", 0));
  // No gauge rather than 0 where it is not measured.
  const auto mismatch = step_metrics.find("mismatch_max_abs");
  if (mismatch != step_metrics.end()) mismatch_.At({training_job}).Set(mismatch->second);
  step_seconds_.At({training_job}).Observe(ValueOr(step_metrics, "learner_seconds", 0));
}

void LearnerMetrics::RecordMemory(const std::string& training_job, int64_t predicted_bytes, int64_t peak_bytes) {
  memory_predicted_bytes_.At({training_job}).Set(static_cast<double>(predicted_bytes));
  memory_peak_bytes_.At({training_job}).Set(static_cast<double>(peak_bytes));
}

void LearnerMetrics::RecordPublish(const std::string& training_job, double seconds, int64_t size_bytes) {
  published_bytes_.At({training_job}).Increment(static_cast<double>(size_bytes));
  publish_seconds_.At({training_job}).Observe(seconds);
}

void LearnerMetrics::RecordCheckpointStall(const std::string& training_job, double seconds) {
  checkpoint_stall_seconds_.At({training_job}).Observe(seconds);
}

void LearnerMetrics::RecordCheckpoint(const std::string& training_job, const SealedCheckpoint& sealed) {
  checkpoint_bytes_.At({training_job}).Set(static_cast<double>(sealed.size_bytes));
  checkpoint_time_.At({training_job}).Set(absl::ToDoubleSeconds(sealed.sealed_time - absl::UnixEpoch()));
  checkpoint_seconds_.At({training_job}).Observe(sealed.seconds);
}

void LearnerMetrics::RecordCheckpointFailure(const std::string& training_job) {
  checkpoint_failures_.At({training_job}).Increment();
}

void LearnerMetrics::RecordDamagedCheckpoint(const std::string& training_job) {
  damaged_checkpoints_.At({training_job}).Increment();
}

void LearnerMetrics::RecordGangLoss(const std::string& training_job) { gang_losses_.At({training_job}).Increment(); }

}  // namespace cohort::learner
