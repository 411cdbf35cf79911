// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_COORDINATOR_METRICS_H_
#define COHORT_COORDINATOR_COORDINATOR_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

#include "cohort/v1/job.pb.h"
#include "common/telemetry/labeled_family.h"
#include "common/telemetry/metric_catalogue.h"
#include "common/telemetry/rpc_metrics.h"
#include "coordinator/training_metrics.h"

namespace cohort::coordinator {

// All metrics of the coordinator; listed in docs/operations/metrics.md. Series of a job stay until 20 others that have
// ended were updated later, or the job is forgotten. Thread-safe. `registry` must outlive it.
class CoordinatorMetrics final {
 private:
  using Counters = common::LabeledFamily<prometheus::Counter>;
  using Gauges = common::LabeledFamily<prometheus::Gauge>;
  using Histograms = common::LabeledFamily<prometheus::Histogram>;

 public:
  explicit CoordinatorMetrics(prometheus::Registry* registry);

  // A job is there, and keeps its series until ReleaseJob at least: counters of faults begin at 0, so that the first
  // one is an increase.
  void AddJob(const std::string& job);
  void ReleaseJob(const std::string& job) { catalogue_.owners().Release(job); }
  void ForgetJob(const std::string& job) { catalogue_.owners().Forget(job); }
  const common::MetricCatalogue& catalogue() const { return catalogue_; }

  TrainingMetrics& training() { return training_; }
  common::RpcMetrics& rpcs() { return rpcs_; }
  Counters::Series GroupsAccepted(const std::string& job) { return accepted_.At({job}); }
  Counters::Series GroupsDropped(const std::string& job, const std::string& reason) {
    return dropped_.At({job, reason});
  }
  Counters::Series LeasesExpired(const std::string& job) { return expired_.At({job}); }
  Counters::Series SubmitsRefused(const std::string& job) { return refused_.At({job}); }
  Counters::Series GangsLost(const std::string& job) { return gangs_lost_.At({job}); }
  Counters::Series CheckpointsUnusable(const std::string& job) { return unusable_.At({job}); }
  Counters::Series DigestMismatches(const std::string& job) { return mismatches_.At({job}); }
  Counters::Series Preemptions(const std::string& victim) { return preemptions_.At({victim}); }
  Counters::Series JobWaitSeconds(const std::string& job, const std::string& waits_for) {
    return waits_.At({job, waits_for});
  }
  // The label `namespace` is Kubernetes' own.
  Gauges::Series QueuedJobs(const std::string& name_space) { return queued_.At({name_space}); }
  Gauges::Series RanksHeld(const std::string& name_space) { return ranks_.At({name_space}); }
  Gauges::Series GroupsInState(const std::string& job, const std::string& state) { return groups_.At({job, state}); }
  void SetJobState(const std::string& job, cohort::v1::JobState state);
  Gauges::Series PolicyVersion(const std::string& job) { return policy_version_.At({job}); }
  Gauges::Series SealedVersion(const std::string& job) { return sealed_version_.At({job}); }
  Gauges::Series CheckpointTime(const std::string& job) { return checkpoint_time_.At({job}); }
  Gauges::Series StalledSeconds(const std::string& job) { return stalled_.At({job}); }
  Gauges::Series StorageTrouble(const std::string& job) { return storage_trouble_.At({job}); }
  Histograms::Series StepSeconds(const std::string& job) { return step_seconds_.At({job}); }
  // `folder` is data_dir or checkpoint_root.
  Gauges::Series DiskFreeBytes(const std::string& folder) { return disk_free_.At({folder}); }
  Gauges::Series DiskSizeBytes(const std::string& folder) { return disk_size_.At({folder}); }
  prometheus::Gauge& WorkersSetAside() { return set_aside_; }
  prometheus::Gauge& ClaimsWaiting() { return claims_waiting_; }
  prometheus::Gauge& WatchesOpen() { return watches_open_; }
  prometheus::Gauge& DownloadsOpen() { return downloads_open_; }
  prometheus::Gauge& LogBytes() { return log_bytes_; }
  prometheus::Gauge& WorkersRegistered() { return workers_; }
  prometheus::Gauge& ProcessorKinds() { return processor_kinds_; }
  prometheus::Gauge& LearnersWaiting() { return learners_waiting_; }
  prometheus::Gauge& JobsUnfinished() { return jobs_; }
  prometheus::Gauge& ReadingsWaiting() { return readings_waiting_; }
  prometheus::Gauge& ChangesWaiting() { return changes_waiting_; }
  prometheus::Gauge& AppendsWaiting() { return appends_waiting_; }

 private:
  common::MetricCatalogue catalogue_;
  TrainingMetrics training_;
  common::RpcMetrics rpcs_;
  Counters accepted_;
  Counters dropped_;
  Counters expired_;
  Counters refused_;
  Counters gangs_lost_;
  Counters unusable_;
  Counters mismatches_;
  Counters preemptions_;
  Counters waits_;
  Gauges queued_;
  Gauges ranks_;
  Gauges groups_;
  Gauges states_;
  Gauges policy_version_;
  Gauges sealed_version_;
  Gauges checkpoint_time_;
  Gauges stalled_;
  Gauges storage_trouble_;
  Histograms step_seconds_;
  Gauges disk_free_;
  Gauges disk_size_;
  prometheus::Gauge& workers_;
  prometheus::Gauge& set_aside_;
  prometheus::Gauge& claims_waiting_;
  prometheus::Gauge& watches_open_;
  prometheus::Gauge& downloads_open_;
  prometheus::Gauge& log_bytes_;
  prometheus::Gauge& processor_kinds_;
  prometheus::Gauge& learners_waiting_;
  prometheus::Gauge& jobs_;
  prometheus::Gauge& readings_waiting_;
  prometheus::Gauge& changes_waiting_;
  prometheus::Gauge& appends_waiting_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_COORDINATOR_METRICS_H_
