// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_RESCORE_SOURCE_H_
#define COHORT_COORDINATOR_RESCORE_SOURCE_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"
#include "coordinator/group_record.h"
#include "coordinator/job_store.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {

// A stored group that is judged anew.
struct StoredGroup {
  int64_t group_id = 0;
  int64_t problem_id = 0;
  int64_t epoch = 0;
  int64_t step = 0;
  int64_t policy_version = 0;
  rollout_log::RecordLocation location;
  cohort::v1::PlannedGroup planned;  // old rewards and outcomes
};

// The groups that a RESCORE job judges: those of the plans of some steps of another job, under the same ids. Immutable,
// thread-safe; store and log must outlive it.
class RescoreSource final {
 public:
  // INVALID_ARGUMENT names the field: there is no such job in the namespace, it does not sample, or it has not
  // committed the steps. FAILED_PRECONDITION: what is asked for is not kept any more, from which step on it is, or is
  // too large.
  static absl::StatusOr<std::unique_ptr<RescoreSource>> Open(JobStore* store, const rollout_log::RolloutLog* log,
                                                             std::string_view name_space,
                                                             const cohort::v1::RescoreSpec& spec);

  const JobRecord& job() const { return job_; }
  // Of the steps that are judged: one behind the last.
  int64_t last_step() const { return last_step_; }
  // In order of id.
  const std::vector<StoredGroup>& groups() const { return groups_; }
  // The versions that sampled them.
  std::set<int64_t> Versions() const;
  // Records that wait to be judged, to be admitted to the RESCORE job.
  std::vector<GroupRecord> Waiting() const;

  // Adds the completions, as texts, to the assignment of a group. FAILED_PRECONDITION when they are not kept any more.
  absl::Status AddStored(int64_t group_id, cohort::v1::GroupAssignment* assignment) const;
  // What a worker sends for `record` is what is stored, with verdicts of `reward`. INVALID_ARGUMENT as
  // CheckSubmittedGroup; when what is stored cannot be read FAILED_PRECONDITION or DATA_LOSS, if it is lost, or
  // UNAVAILABLE.
  absl::Status Check(const cohort::v1::RolloutGroup& group, const GroupRecord& record,
                     const cohort::v1::RewardSpec& reward) const;

 private:
  RescoreSource(JobStore* store, const rollout_log::RolloutLog* log) : store_(store), log_(log) {}

  absl::Status ReadGroups(int64_t first_step);
  absl::Status CheckSizes() const;
  // Null for an unknown id.
  const StoredGroup* Find(int64_t group_id) const;
  absl::StatusOr<cohort::v1::RolloutGroup> ReadTexts(const StoredGroup& group) const;

  JobStore* const store_;
  const rollout_log::RolloutLog* const log_;
  JobRecord job_;
  int64_t last_step_ = 0;
  std::vector<StoredGroup> groups_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_RESCORE_SOURCE_H_
