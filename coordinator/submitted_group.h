// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SUBMITTED_GROUP_H_
#define COHORT_COORDINATOR_SUBMITTED_GROUP_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cohort/v1/job.pb.h"
#include "cohort/v1/rollout.pb.h"
#include "coordinator/group_record.h"

namespace cohort::coordinator {

// A group as it came from a worker.
struct Submission {
  cohort::v1::LeaseToken lease;
  cohort::v1::RolloutGroup group;
  std::string worker_id;  // empty: not said
};

// What a job asks of a group. The pointed-to specs are not owned and must outlive it.
struct GroupDemand {
  int32_t group_size = 0;
  const cohort::v1::SamplingSpec* sampling = nullptr;
  const cohort::v1::RewardSpec* reward = nullptr;
  int64_t vocab_size = 0;              // token ids are below it; 0: not known
  int64_t max_sequence_tokens = 0;     // of prompt and completion; 0: not known
  bool needs_verifier_scores = false;  // credit is made of each verifier's score (GDPO)
  bool needs_item_values = false;      // credit is made of the first ranking verifier's list (Rank-GRPO)
};

// What a scored group must be to be accepted for `record`. INVALID_ARGUMENT names field and value: what a worker sends
// is checked like any input, because the learner trains on it.
absl::Status CheckSubmittedGroup(const cohort::v1::RolloutGroup& group, const GroupRecord& record,
                                 const GroupDemand& demand);

// The same for a group whose completions were judged anew (GROUP_PURPOSE_RESCORE): the texts of `stored`, without
// tokens, and one score of each verifier of `reward`.
absl::Status CheckRescoredGroup(const cohort::v1::RolloutGroup& group, const GroupRecord& record,
                                const cohort::v1::RolloutGroup& stored, const cohort::v1::RewardSpec& reward);

// The part of a checked group that the coordinator keeps at hand. `now` is when it arrived.
GroupOutcome SummarizeGroup(const cohort::v1::RolloutGroup& group, absl::Time now);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SUBMITTED_GROUP_H_
