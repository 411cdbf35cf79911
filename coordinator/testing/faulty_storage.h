// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_TESTING_FAULTY_STORAGE_H_
#define COHORT_COORDINATOR_TESTING_FAULTY_STORAGE_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/job_store.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {

// What the storage of a test does wrong. Not thread-safe: set between calls.
struct StorageFault {
  absl::Status store;        // what writes to the store return; OK: they work
  std::string store_of_job;  // only writes of this job; empty: of all
  absl::Status log;          // the same for the rollout log
  absl::Status row;          // what reads of groups and plans return
  std::function<void()> before_write = [] {};
  std::function<void()> after_append = [] {};  // on the thread of each AppendAll, which is not answered before
};

// A store that fails when told to. `fault` and `store` must outlive it.
class FaultyJobStore final : public JobStore {
 public:
  FaultyJobStore(JobStore* store, const StorageFault* fault) : store_(store), fault_(fault) {}

  absl::StatusOr<int64_t> BeginEpoch() override { return store_->BeginEpoch(); }
  absl::StatusOr<JobRecord> CreateJob(JobRecord record, const cohort::v1::JobEvent& first_event) override {
    fault_->before_write();
    if (!fault_->store.ok()) return fault_->store;
    return store_->CreateJob(std::move(record), first_event);
  }
  absl::StatusOr<JobRecord> GetJob(std::string_view name) override { return store_->GetJob(name); }
  absl::StatusOr<JobRecord> FindJobByRequestId(std::string_view name_space, std::string_view id) override {
    return store_->FindJobByRequestId(name_space, id);
  }
  absl::StatusOr<std::vector<JobRecord>> ListJobs(const JobFilter& filter) override { return store_->ListJobs(filter); }
  absl::Status DeleteJob(std::string_view name) override {
    fault_->before_write();
    return fault_->store.ok() ? store_->DeleteJob(name) : fault_->store;
  }
  absl::Status Apply(std::string_view job, const JobChange& change) override {
    fault_->before_write();
    const bool is_hit = fault_->store_of_job.empty() || fault_->store_of_job == job;
    return fault_->store.ok() || !is_hit ? store_->Apply(job, change) : fault_->store;
  }
  absl::StatusOr<std::vector<GroupRecord>> ListOpenGroups(std::string_view job) override {
    if (!fault_->row.ok()) return fault_->row;
    return store_->ListOpenGroups(job);
  }
  absl::StatusOr<int64_t> CountTrainingGroups(std::string_view job, int64_t step) override {
    if (!fault_->row.ok()) return fault_->row;
    return store_->CountTrainingGroups(job, step);
  }
  absl::StatusOr<int64_t> LargestTrainingGroup(std::string_view job) override {
    if (!fault_->row.ok()) return fault_->row;
    return store_->LargestTrainingGroup(job);
  }
  absl::StatusOr<std::vector<GroupRecord>> GetGroups(std::string_view job, const std::vector<int64_t>& ids) override {
    if (!fault_->row.ok()) return fault_->row;
    return store_->GetGroups(job, ids);
  }
  absl::StatusOr<std::vector<GroupRecord>> ListGroups(std::string_view job, const GroupFilter& filter) override {
    if (!fault_->row.ok()) return fault_->row;
    return store_->ListGroups(job, filter);
  }
  absl::StatusOr<int64_t> PayloadBytes(std::string_view job) override {
    if (!fault_->row.ok()) return fault_->row;
    return store_->PayloadBytes(job);
  }
  absl::StatusOr<std::vector<int64_t>> SegmentsInUse() override {
    if (!fault_->row.ok()) return fault_->row;
    return store_->SegmentsInUse();
  }
  absl::StatusOr<cohort::v1::StepPlan> GetPlan(std::string_view job, int64_t version) override {
    if (!fault_->row.ok()) return fault_->row;
    return store_->GetPlan(job, version);
  }
  absl::StatusOr<std::vector<VersionRecord>> ListVersions(std::string_view job) override {
    return store_->ListVersions(job);
  }
  absl::StatusOr<std::vector<cohort::v1::JobEvent>> ListEvents(std::string_view job, int64_t after,
                                                               int limit) override {
    return store_->ListEvents(job, after, limit);
  }
  absl::StatusOr<int64_t> NewestEventSequence(std::string_view job) override {
    return store_->NewestEventSequence(job);
  }
  absl::StatusOr<std::vector<cohort::v1::JobEvent>> ListStepEvents(std::string_view job, int64_t after_version,
                                                                   int limit) override {
    return store_->ListStepEvents(job, after_version, limit);
  }
  absl::StatusOr<rollout_log::RecordLocation> EndOfLog() override { return store_->EndOfLog(); }

 private:
  JobStore* const store_;
  const StorageFault* const fault_;
};

// A rollout log that fails when told to. `fault` must outlive it.
class FaultyRolloutLog final : public rollout_log::RolloutLog {
 public:
  FaultyRolloutLog(std::unique_ptr<rollout_log::RolloutLog> log, const StorageFault* fault)
      : log_(std::move(log)), fault_(fault) {}

  absl::StatusOr<rollout_log::RecordLocation> Append(const cohort::v1::RolloutGroup& group) override {
    if (!fault_->log.ok()) return fault_->log;
    return log_->Append(group);
  }
  absl::StatusOr<std::vector<rollout_log::RecordLocation>> AppendAll(
      const std::vector<const cohort::v1::RolloutGroup*>& groups) override {
    if (!fault_->log.ok()) return fault_->log;
    auto locations = log_->AppendAll(groups);
    fault_->after_append();
    return locations;
  }
  int64_t NumWaiting() const override { return log_->NumWaiting(); }
  absl::StatusOr<cohort::v1::RolloutGroup> Read(const rollout_log::RecordLocation& location) const override {
    return log_->Read(location);
  }
  void Settle(const std::vector<rollout_log::RecordLocation>& locations) override { log_->Settle(locations); }
  absl::StatusOr<std::vector<int64_t>> FinishedSegments() const override { return log_->FinishedSegments(); }
  absl::Status RemoveSegment(int64_t segment) override { return log_->RemoveSegment(segment); }

 private:
  const std::unique_ptr<rollout_log::RolloutLog> log_;
  const StorageFault* const fault_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_TESTING_FAULTY_STORAGE_H_
