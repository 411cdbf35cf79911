// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_TIMELINE_RECORDS_H_
#define COHORT_CLI_TIMELINE_RECORDS_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cohort/v1/job_service.pb.h"
#include "common/config/proto_time.h"

// Records of a small run for tests. Times are seconds of the coordinator; other processes may be ahead.
namespace cohort::cli {

inline google::protobuf::Timestamp Second(double second) {
  return common::ToProtoTimestamp(absl::FromUnixSeconds(1'700'000'000) + absl::Seconds(second));
}

// A group that was admitted at `begin`, leased a second later, claimed by the worker a tenth later, sampled for two
// seconds, judged for half of one and accepted 4 seconds after `begin`.
inline cohort::v1::StoredRollouts TimedGroup(int64_t id, const std::string& worker, double begin, double ahead = 0) {
  cohort::v1::StoredRollouts stored;
  stored.set_fate("trained");
  cohort::v1::RolloutGroup& group = *stored.mutable_group();
  group.set_group_id(id);
  group.set_purpose(cohort::v1::GROUP_PURPOSE_TRAIN);
  group.set_attempt(1);
  group.set_worker_id(worker);
  group.add_rollouts()->set_text("2");
  cohort::v1::GroupTimings& times = *group.mutable_timings();
  *times.mutable_admitted_time() = Second(begin);
  *times.mutable_leased_time() = Second(begin + 1);
  *times.mutable_accepted_time() = Second(begin + 4);
  *times.mutable_claimed_time() = Second(ahead + begin + 1.1);
  *times.mutable_sampling_begin_time() = Second(ahead + begin + 1.2);
  *times.mutable_sampling_end_time() = Second(ahead + begin + 3.2);
  *times.mutable_scoring_begin_time() = Second(ahead + begin + 3.3);
  *times.mutable_scoring_end_time() = Second(ahead + begin + 3.8);
  return stored;
}

// A phase of a rank.
inline void AddPhase(const std::string& name, double begin, double end, cohort::v1::RankTimings* rank) {
  cohort::v1::PhaseTiming& phase = *rank->add_phases();
  phase.set_phase(name);
  *phase.mutable_begin_time() = Second(begin);
  *phase.mutable_end_time() = Second(end);
  phase.mutable_busy_time()->set_nanos(500'000'000);
}

// A step of these groups on two ranks, planned at `planned` and committed 5 seconds later. The ranks waited from 2
// seconds before the plan to one tenth after it.
inline cohort::v1::StepRecord TimedStep(int64_t step, const std::vector<int64_t>& groups, double planned) {
  cohort::v1::StepRecord record;
  *record.mutable_time() = Second(planned + 5);
  record.mutable_step()->set_policy_version(step + 1);
  cohort::v1::StepTimings& timings = *record.mutable_step()->mutable_timings();
  *timings.mutable_planned_time() = Second(planned);
  timings.mutable_group_ids()->Assign(groups.begin(), groups.end());
  for (int rank = 0; rank < 2; ++rank) {
    cohort::v1::RankTimings& phases = *timings.add_ranks();
    phases.set_rank(rank);
    AddPhase("wait", planned - 2, planned + 0.1, &phases);
    AddPhase("forward", planned + 0.1, planned + 3, &phases);
    AddPhase("backward", planned + 1, planned + 4, &phases);
  }
  return record;
}

}  // namespace cohort::cli

#endif  // COHORT_CLI_TIMELINE_RECORDS_H_
