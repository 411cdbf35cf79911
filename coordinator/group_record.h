// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_GROUP_RECORD_H_
#define COHORT_COORDINATOR_GROUP_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "cohort/v1/learner_service.pb.h"
#include "cohort/v1/rollout.pb.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {

// waiting -> in flight -> scored -> planned -> trained (evaluation groups: scored -> evaluated), and from each of the
// first three -> dropped. In flight exists in memory only: after a restart such a group waits again. Stored as these
// numbers; those below kTrained are open.
enum class GroupState : int32_t {
  kWaiting = 1,
  kInFlight = 2,
  kScored = 3,
  kPlanned = 4,
  kTrained = 5,
  kDropped = 6,
  kEvaluated = 7,
};

// What the coordinator remembers of a scored group; the rollouts themselves are in the rollout log.
struct GroupOutcome {
  // Token counts, rewards and outcomes, as handed to the ranks.
  cohort::v1::PlannedGroup planned;
  int64_t num_truncated = 0;
  // Seconds of the wall clock between which the group's tokens were sampled.
  double generation_begin_seconds = 0;
  double generation_end_seconds = 0;
};

// Ids of training groups are positions of the prompt cursor, from 0; those of evaluation groups begin here. No job can
// sample so many, and every number up to twice this one is exact in JSON.
inline constexpr int64_t kFirstEvaluationGroup = int64_t{1} << 52;

// How the drop reason of a group begins that was given up after max_attempts.
inline constexpr char kErroredPrefix[] = "errored after ";

// `step` of a training group that no plan has taken or passed over yet, where groups are planned in order of arrival.
inline constexpr int64_t kNoStep = -1;

// One admitted group: a row of the store. Plain record.
struct GroupRecord {
  int64_t group_id = 0;
  cohort::v1::GroupPurpose purpose = cohort::v1::GROUP_PURPOSE_TRAIN;
  std::string evaluation_run;  // empty for training
  int64_t problem_id = 0;
  int64_t epoch = 0;
  // The plan that takes it, or for which it was dropped; for evaluation the version that is evaluated.
  int64_t step = 0;
  int64_t policy_version = 0;  // the version that samples it
  GroupState state = GroupState::kWaiting;
  int32_t attempt = 0;          // leases granted so far; the number of the newest
  int32_t failed_attempts = 0;  // leases that ran out or came back with an error
  std::string drop_reason;
  // Lease under which it was scored. Of a group that waits: what leases up to this one sampled is not taken (they
  // sampled a line of history that was left).
  int64_t scored_epoch = 0;
  int32_t scored_attempt = 0;
  // All zero before it is scored, and after its payload was released (docs/rollout_log.md).
  rollout_log::RecordLocation location;
  GroupOutcome outcome;
  // When it was admitted, on the monotonic clock of this process. Not stored.
  std::optional<absl::Duration> admitted;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_GROUP_RECORD_H_
