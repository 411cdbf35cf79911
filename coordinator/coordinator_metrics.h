// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_COORDINATOR_METRICS_H_
#define COHORT_COORDINATOR_COORDINATOR_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

namespace cohort::coordinator {

// All metrics of the coordinator; listed in docs/operations/metrics.md. Thread-safe. `registry` must outlive it.
class CoordinatorMetrics final {
 public:
  explicit CoordinatorMetrics(prometheus::Registry* registry);

  prometheus::Counter& GroupsAccepted(const std::string& job) { return accepted_.Add({{"training_job", job}}); }
  prometheus::Counter& GroupsDropped(const std::string& job, const std::string& reason) {
    return dropped_.Add({{"training_job", job}, {"reason", reason}});
  }
  prometheus::Counter& LeasesExpired(const std::string& job) { return expired_.Add({{"training_job", job}}); }
  prometheus::Counter& SubmitsRefused(const std::string& job) { return refused_.Add({{"training_job", job}}); }
  prometheus::Counter& GangsLost(const std::string& job) { return gangs_lost_.Add({{"training_job", job}}); }
  prometheus::Counter& CheckpointsUnusable(const std::string& job) { return unusable_.Add({{"training_job", job}}); }
  prometheus::Counter& DigestMismatches(const std::string& job) { return mismatches_.Add({{"training_job", job}}); }
  prometheus::Counter& Preemptions(const std::string& victim) { return preemptions_.Add({{"training_job", victim}}); }
  // The label `namespace` is Kubernetes' own.
  prometheus::Gauge& QueuedJobs(const std::string& name_space) { return queued_.Add({{"job_namespace", name_space}}); }
  prometheus::Gauge& RanksHeld(const std::string& name_space) { return ranks_.Add({{"job_namespace", name_space}}); }
  prometheus::Gauge& GroupsInState(const std::string& job, const std::string& state) {
    return groups_.Add({{"training_job", job}, {"state", state}});
  }
  prometheus::Gauge& PolicyVersion(const std::string& job) { return policy_version_.Add({{"training_job", job}}); }
  prometheus::Gauge& StalledSeconds(const std::string& job) { return stalled_.Add({{"training_job", job}}); }
  prometheus::Histogram& StepSeconds(const std::string& job);
  prometheus::Gauge& WorkersSetAside() { return set_aside_; }
  prometheus::Gauge& ClaimsWaiting() { return claims_waiting_; }
  prometheus::Gauge& WatchesOpen() { return watches_open_; }
  prometheus::Gauge& WorkersRegistered() { return workers_; }
  prometheus::Gauge& ProcessorKinds() { return processor_kinds_; }
  prometheus::Gauge& LearnersWaiting() { return learners_waiting_; }
  prometheus::Gauge& JobsUnfinished() { return jobs_; }

 private:
  prometheus::Family<prometheus::Counter>& accepted_;
  prometheus::Family<prometheus::Counter>& dropped_;
  prometheus::Family<prometheus::Counter>& expired_;
  prometheus::Family<prometheus::Counter>& refused_;
  prometheus::Family<prometheus::Counter>& gangs_lost_;
  prometheus::Family<prometheus::Counter>& unusable_;
  prometheus::Family<prometheus::Counter>& mismatches_;
  prometheus::Family<prometheus::Counter>& preemptions_;
  prometheus::Family<prometheus::Gauge>& queued_;
  prometheus::Family<prometheus::Gauge>& ranks_;
  prometheus::Family<prometheus::Gauge>& groups_;
  prometheus::Family<prometheus::Gauge>& policy_version_;
  prometheus::Family<prometheus::Gauge>& stalled_;
  prometheus::Family<prometheus::Histogram>& step_seconds_;
  prometheus::Gauge& workers_;
  prometheus::Gauge& set_aside_;
  prometheus::Gauge& claims_waiting_;
  prometheus::Gauge& watches_open_;
  prometheus::Gauge& processor_kinds_;
  prometheus::Gauge& learners_waiting_;
  prometheus::Gauge& jobs_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_COORDINATOR_METRICS_H_
