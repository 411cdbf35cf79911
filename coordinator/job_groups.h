// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_GROUPS_H_
#define COHORT_COORDINATOR_JOB_GROUPS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/rollout_service.pb.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/evaluation_tracker.h"
#include "coordinator/group_buffer.h"
#include "coordinator/job_data.h"
#include "coordinator/job_ledger.h"
#include "coordinator/lease_table.h"
#include "coordinator/policy_registry.h"

namespace cohort::coordinator {

// What one claim may still take: groups, and bytes of the answer, which is one message of at most 4 MiB. The first
// group is always allowed.
struct ClaimBudget {
  int num_groups = 0;
  int64_t num_bytes = int64_t{7} << 19;  // 3.5 MiB
  bool is_untouched = true;
};

// The rollout side of one job: which groups exist, who samples them, what came back. Not thread-safe: guarded by its
// owner; the dependencies must outlive it.
//
// Ids: training group i is position i of the prompt cursor. Without dynamic sampling step v takes [v * P, (v + 1) * P);
// with it a step takes what follows the step before, at most max_rounds * P. The evaluation of version v starts behind
// all of them, at num_steps * MaxGroupsOfStep + v * (runs * problems).
class JobGroups final {
 public:
  enum class SubmitCase { kAccept, kDuplicate, kLost };

  // Restores open groups; what was in flight waits again.
  static absl::StatusOr<std::unique_ptr<JobGroups>> Load(const CoordinatorContext* context, JobLedger* ledger,
                                                         const JobData* data);

  // Groups that version `version` brings: of the train steps that it samples and of its evaluation.
  std::vector<GroupRecord> GroupsOfVersion(int64_t version) const;
  // `count` further groups for a step that dropped some, sampled by the version of the same number.
  std::vector<GroupRecord> ReplacementGroups(int64_t step, int64_t count) const;
  // Takes in groups that are stored already.
  absl::Status Admit(std::vector<GroupRecord> groups);

  // Leases groups whose version is published, as far as the budget goes, and appends them; a group that failed lately
  // goes to another worker first. Also on an error (of reading the dataset) what was appended is leased.
  absl::Status Claim(std::string_view worker_id, ClaimBudget* budget,
                     std::vector<cohort::v1::GroupAssignment>* assignments);
  // False when the lease is lost. A lease of a former coordinator epoch is taken over while the group waits.
  bool Renew(std::string_view worker_id, const cohort::v1::GroupLease& lease);
  absl::StatusOr<SubmitCase> Judge(const cohort::v1::LeaseToken& token, const cohort::v1::RolloutGroup& group) const;
  // Stores scored groups, with their locations in the log.
  absl::Status SetScored(const std::vector<GroupRecord>& groups);
  // Gives groups back; an error counts as a failed attempt, and against their worker.
  void Release(const std::vector<cohort::v1::GroupLease>& leases, const std::string& error);
  void ReleaseExpired();

  // INVALID_ARGUMENT when the rollouts are not what the group asks for.
  absl::Status CheckShape(const cohort::v1::RolloutGroup& group) const;

  // The evaluation in progress; null when there is none.
  EvaluationTracker* evaluation() { return evaluation_.has_value() ? &*evaluation_ : nullptr; }
  void EndEvaluation();

  PolicyRegistry& policies() { return policies_; }
  GroupBuffer& buffer() { return buffer_; }
  const LeaseTable& leases() const { return leases_; }
  // Lowest version that some unscored group needs, else `committed`.
  int64_t OldestNeededVersion(int64_t committed) const;
  // Training groups of a step that neither wait nor are in flight, by id; nullopt while some do.
  std::optional<std::vector<const GroupRecord*>> ScoredGroupsOfStep(int64_t step) const;

 private:
  JobGroups(const CoordinatorContext* context, JobLedger* ledger, const JobData* data);

  std::vector<GroupRecord> NextTrainingGroups(int64_t step, int64_t version, int64_t first_position,
                                              int64_t count) const;
  const cohort::v1::EvaluationRun* FindRun(const std::string& name) const;
  // Group size and sampling of a group.
  std::pair<int32_t, const cohort::v1::SamplingSpec*> Shape(const GroupRecord& group) const;
  absl::StatusOr<cohort::v1::GroupAssignment> Assign(const GroupRecord& group) const;
  bool NeedsEvaluation(int64_t version) const;
  bool IsEvaluated(int64_t version) const;
  std::vector<GroupRecord> EvaluationGroupsOf(int64_t version) const;
  // Begins the evaluation of a version, counting what is open, scored or dropped of it.
  void TrackEvaluation(int64_t version);
  // Attempts that cannot be stored are not counted: the groups wait again as if nothing had been.
  void FailAttempts(const std::vector<EndedLease>& leases, const std::string& error);
  absl::Status StoreFailedAttempts(const std::vector<EndedLease>& leases, const std::string& error);
  // The worker failed this group a short while ago, and there is another one to try.
  bool ShouldGoElsewhere(int64_t group_id, std::string_view worker_id) const;

  const CoordinatorContext* const context_;
  JobLedger* const ledger_;
  const JobData* const data_;
  GroupBuffer buffer_;
  LeaseTable leases_;
  PolicyRegistry policies_;
  std::optional<EvaluationTracker> evaluation_;
  // Who failed a waiting or leased group. In memory only.
  struct FailedAttempts {
    std::set<std::string> workers;
    absl::Duration newest;
  };
  std::map<int64_t, FailedAttempts> failed_attempts_;
  int64_t next_position_ = 0;  // of the prompt cursor: one behind the newest training group
};

// Most groups that are sampled for one train step, dropped ones included.
int64_t MaxGroupsOfStep(const cohort::v1::JobSpec& spec);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_GROUPS_H_
