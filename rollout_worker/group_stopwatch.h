// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_GROUP_STOPWATCH_H_
#define COHORT_ROLLOUT_WORKER_GROUP_STOPWATCH_H_

// Torch-free.
#include <google/protobuf/timestamp.pb.h>

#include "absl/time/time.h"
#include "cohort/v1/timings.pb.h"
#include "common/config/proto_time.h"
#include "common/time_anchor.h"

namespace cohort::rollout_worker {

// When a worker did what with one group: readings of the monotonic clock, from the claim on, as the message that is
// submitted with the group. Value type.
class GroupStopwatch final {
 public:
  GroupStopwatch() = default;
  // Claimed at `anchor`.
  explicit GroupStopwatch(const common::TimeAnchor& anchor) : anchor_(anchor) {
    *timings_.mutable_claimed_time() = common::ToProtoTimestamp(anchor.time());
  }

  void Fetched(int64_t policy_version, absl::Duration begin, absl::Duration end, int64_t num_bytes) {
    cohort::v1::WeightFetch& fetch = *timings_.mutable_fetch();
    fetch.set_policy_version(policy_version);
    *fetch.mutable_begin_time() = At(begin);
    *fetch.mutable_end_time() = At(end);
    fetch.set_num_bytes(num_bytes);
  }
  void Sampled(absl::Duration begin, absl::Duration end) {
    *timings_.mutable_sampling_begin_time() = At(begin);
    *timings_.mutable_sampling_end_time() = At(end);
  }
  void Scored(absl::Duration begin, absl::Duration end) {
    *timings_.mutable_scoring_begin_time() = At(begin);
    *timings_.mutable_scoring_end_time() = At(end);
  }
  const cohort::v1::GroupTimings& timings() const { return timings_; }

 private:
  google::protobuf::Timestamp At(absl::Duration monotonic) const {
    return common::ToProtoTimestamp(anchor_.At(monotonic));
  }

  common::TimeAnchor anchor_;
  cohort::v1::GroupTimings timings_;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_GROUP_STOPWATCH_H_
