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

// The rollout side of one job: which groups exist, who samples them, what came back. Not thread-safe: guarded by its
// owner; the dependencies must outlive it.
//
// Ids: training group i is position i of the prompt cursor. With fixed_lag step v takes [v * P, (v + 1) * P) as long as
// nothing is replaced (dynamic sampling, a replay that diverged); what is, takes the positions behind the newest. With
// max_lag (rollout_schedule.h) positions are admitted as slots become free, and belong to no step before a plan takes
// or passes over them. The evaluation of version v starts at kFirstEvaluationGroup + v * (runs * problems).
class JobGroups final {
 public:
  enum class SubmitCase { kAccept, kDuplicate, kLost };
  using Assignments = google::protobuf::RepeatedPtrField<cohort::v1::GroupAssignment>;

  // Restores open groups; what was in flight waits again.
  static absl::StatusOr<std::unique_ptr<JobGroups>> Load(const CoordinatorContext* context, JobLedger* ledger,
                                                         const JobData* data);

  // Groups that version `version` brings when it is committed: of its evaluation and, with fixed_lag, of the train
  // steps that it samples.
  std::vector<GroupRecord> GroupsOfVersion(int64_t version) const;
  // `count` further groups for a step that dropped some, sampled by the version of the same number.
  std::vector<GroupRecord> ReplacementGroups(int64_t step, int64_t count) const;
  // Takes in groups that are stored already.
  absl::Status Admit(std::vector<GroupRecord> groups);
  // Forgets groups that are stored as dropped for `cause`, and ends their leases.
  absl::Status Drop(const std::vector<GroupRecord>& dropped, const std::string& cause);

  // job_groups_schedule.cc
  // Version of the plan that is made next.
  int64_t NextStep() const;
  // max_lag: groups that are too old for every plan to come, as they are to be stored.
  std::vector<GroupRecord> StaleGroups() const;
  // max_lag: what the free slots and those of `num_dropped` groups admit; none unless the newest version is published.
  std::vector<GroupRecord> GroupsForFreeSlots(int64_t num_dropped) const;
  // max_lag: open groups when all steps are done, as they are to be stored.
  std::vector<GroupRecord> SurplusGroups() const;
  // Training groups of a step that were given up after max_attempts.
  int64_t NumErrored(int64_t step) const;
  // What other weights than the committed ones from a version on change.
  struct Divergence {
    std::vector<GroupRecord> dropped;        // training groups
    std::vector<GroupRecord> admitted;       // in their place; max_lag: none, their slots are free
    std::vector<GroupRecord> sampled_again;  // evaluation groups
  };
  Divergence DivergedFrom(int64_t version) const;
  absl::Status Apply(const Divergence& divergence);  // when it is stored

  // Leases groups whose version is published, at most so many, and appends them, without what JobData::ReadInto adds; a
  // group that failed lately goes to another worker first.
  void Claim(std::string_view worker_id, int max_groups, Assignments* assignments);
  bool sends_rows() const { return sends_rows_; }
  // False when the lease is lost. A lease of a former coordinator epoch is taken over while the group waits.
  bool Renew(std::string_view worker_id, const cohort::v1::GroupLease& lease);
  absl::StatusOr<SubmitCase> Judge(const cohort::v1::LeaseToken& token, const cohort::v1::RolloutGroup& group) const;
  // What is known here of the times of a group that is to be accepted.
  void AddTimes(const cohort::v1::LeaseToken& token, cohort::v1::RolloutGroup* group) const;
  absl::Status SetScored(const std::vector<GroupRecord>& groups);  // stores them, with their locations in the log
  // Gives groups back; an error counts as a failed attempt, and against their worker.
  void Release(const std::vector<cohort::v1::GroupLease>& leases, const std::string& error);
  void ReleaseExpired();
  // The job has stopped: what is in flight waits again, and nobody is at fault.
  void EndLeases();

  // INVALID_ARGUMENT when the rollouts are not what the group asks for. Another status when stored completions that
  // were judged anew cannot be read.
  absl::Status CheckShape(const cohort::v1::RolloutGroup& group) const;
  EvaluationTracker* evaluation() { return evaluation_.has_value() ? &*evaluation_ : nullptr; }  // null: none
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
  absl::Status CountErrored();
  // Of a waiting group: what this lease sampled is not taken, see GroupRecord.
  static bool IsFencedOff(const GroupRecord& group, const cohort::v1::LeaseToken& token);
  void EndLease(int64_t group_id);  // nobody is at fault
  GroupRecord Dropped(const GroupRecord& group, const std::string& reason) const;
  const cohort::v1::EvaluationRun* FindRun(const std::string& name) const;
  std::pair<int32_t, const cohort::v1::SamplingSpec*> Shape(const GroupRecord& group) const;  // size, sampling
  // `assignment` is empty.
  void Assign(const GroupRecord& group, cohort::v1::GroupAssignment* assignment) const;
  bool NeedsEvaluation(int64_t version) const;
  bool IsEvaluated(int64_t version) const;
  std::vector<GroupRecord> EvaluationGroupsOf(int64_t version) const;
  // Begins an evaluation, counting what is open, scored or dropped of it.
  void TrackEvaluation(int64_t version);
  // Attempts that cannot be stored are not counted: the groups wait again as if nothing had been.
  void FailAttempts(const std::vector<EndedLease>& leases, const std::string& error);
  absl::Status StoreFailedAttempts(const std::vector<EndedLease>& leases, const std::string& error);
  // The worker failed this group a short while ago, and there is another one to try.
  bool ShouldGoElsewhere(int64_t group_id, std::string_view worker_id) const;

  const CoordinatorContext* const context_;
  JobLedger* const ledger_;
  const JobData* const data_;
  const bool is_by_arrival_;
  const bool sends_rows_;  // some verifier may read Problem.row_json
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
  std::map<int64_t, int64_t> num_errored_;  // by step, of steps that are not planned yet
  int64_t next_position_ = 0;               // of the prompt cursor: one behind the newest training group
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_GROUPS_H_
