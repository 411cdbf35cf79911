// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_PAYLOAD_RETENTION_H_
#define COHORT_COORDINATOR_PAYLOAD_RETENTION_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"
#include "coordinator/group_record.h"
#include "coordinator/job_store.h"

namespace cohort::coordinator {

// Where a job stands, for its retention.
struct RetentionPoint {
  int64_t policy_version = 0;    // newest committed
  int64_t recovery_version = 0;  // from which ranks would replay if they had to start now
  int64_t spare_version = 0;     // and from which, if they found that checkpoint damaged
};

// Releases what one job's RetentionSpec does not keep: the payload of closed groups. A released group keeps its row,
// with a location of zero; plans and metrics stay. Never released are plans that recovery needs, those from
// recovery_version on, and those from spare_version on only when there is too much. Not thread-safe: guarded by its
// owner; the store must outlive it.
class PayloadRetention final {
 public:
  // `job` is its resource name.
  PayloadRetention(JobStore* store, std::string job, const cohort::v1::RetentionSpec& spec);

  // What came in: a scored group, and the groups of a stored plan.
  void AddScored(const GroupRecord& group);
  void AddPlanned(const GroupRecord& group);

  // One bounded piece of work: releases what must go, oldest steps first, at most kMaxReleased groups, and returns how
  // many. Errors of the store, which change nothing.
  absl::StatusOr<int64_t> Release(const RetentionPoint& point);
  static constexpr int kMaxReleased = 1000;

  // The plans from `version` on, all of which recovery would need, hold more than max_bytes: time for a checkpoint.
  bool IsTooMuchSince(int64_t version) const;

 private:
  absl::Status Load(int64_t recovery_version);
  // Closed groups with payload of steps below `end`, some of the oldest.
  absl::StatusOr<std::vector<GroupRecord>> Oldest(int64_t end) const;

  JobStore* const store_;
  const std::string job_;
  const cohort::v1::RetentionSpec spec_;
  bool is_loaded_ = false;
  int64_t num_bytes_ = 0;                         // of all payload of the job
  std::map<int64_t, int64_t> num_planned_bytes_;  // by step
  int64_t done_below_ = 0;                        // by policy, nothing is left to be released of steps below
};

// Fills defaults: the last 100 steps, 64 GiB. INVALID_ARGUMENT names the field.
absl::Status ResolveRetention(cohort::v1::RetentionSpec* spec);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_PAYLOAD_RETENTION_H_
