// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_WITNESS_H_
#define COHORT_COORDINATOR_SIMULATION_WITNESS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "cohort/v1/job_service.pb.h"
#include "cohort/v1/learner_service.pb.h"
#include "cohort/v1/rollout_service.pb.h"
#include "coordinator/job_store.h"
#include "coordinator/submitted_group.h"

namespace cohort::coordinator {

// Remembers what the coordinator answered in a simulation and says when a later answer, or the store, contradicts it.
// Not thread-safe.
class Witness final {
 public:
  using JobAndNumber = std::pair<std::string, int64_t>;

  // The coordinator's time stood still, or its process is another one: leases from before may last longer.
  void TimeWasLost() { ++num_time_losses_; }

  void Created(const std::string& job) { jobs_.push_back(job); }
  void Granted(const std::string& job, int64_t group, const cohort::v1::LeaseToken& lease, absl::Duration now);
  // A lease that the coordinator has said to be held.
  void Renewed(const cohort::v1::GroupLease& lease, absl::Duration now);
  // `lease_end`: how long after the last renewal a group may still be accepted.
  void Answered(const Submission& submission, bool is_garbage, const cohort::v1::GroupReceipt& receipt,
                absl::Duration lease_end, absl::Duration now);
  void HandedOut(const std::string& job, const cohort::v1::StepPlan& plan);
  void Payload(const cohort::v1::RolloutGroup& group);
  void Committed(const std::string& job, int64_t version, const std::string& digest);
  void Sealed(const std::string& job, int64_t version) { sealed_[{job, version}] = true; }
  void Unsealed(const std::string& job, int64_t version);
  void SawEvents(const std::string& job, const std::vector<cohort::v1::JobEvent>& events);
  int64_t LastEvent(const std::string& job) const;

  // All that was acknowledged is in the store.
  void CheckStore(JobStore* store, const rollout_log::RolloutLog& log);

  void Violated(std::string what) { violations_.push_back(std::move(what)); }
  const std::vector<std::string>& violations() const { return violations_; }
  const std::vector<std::string>& jobs() const { return jobs_; }
  int64_t num_accepted() const { return static_cast<int64_t>(accepted_.size()); }
  int64_t num_refused() const { return num_refused_; }

 private:
  struct Accepted {
    int64_t epoch = 0;
    int32_t attempt = 0;
    std::string payload;
  };
  struct Lease {
    absl::Duration renewed;
    int64_t num_time_losses = 0;
  };
  using LeaseKey = std::tuple<std::string, int64_t, int64_t, int32_t>;  // job, group, epoch, attempt

  void SawState(const std::string& job, cohort::v1::JobState state);
  void CheckJob(const std::string& job, JobStore* store);
  void CheckGroups(JobStore* store, const rollout_log::RolloutLog& log);

  std::vector<std::string> jobs_;
  std::map<LeaseKey, Lease> leases_;
  std::map<JobAndNumber, Accepted> accepted_;
  std::vector<std::pair<JobAndNumber, std::string>> garbage_;  // that was answered as accepted
  std::map<JobAndNumber, std::string> plans_;
  std::map<JobAndNumber, std::string> digests_;
  std::map<JobAndNumber, bool> sealed_;
  std::map<std::string, std::map<int64_t, std::string>> events_;
  std::map<std::string, cohort::v1::JobState> states_;
  int64_t num_time_losses_ = 0;
  int64_t num_refused_ = 0;
  std::vector<std::string> violations_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_WITNESS_H_
