// SPDX-License-Identifier: Apache-2.0
// Size: the whole state of a job under one lock; what it is made of are classes of their own.
#ifndef COHORT_COORDINATOR_JOB_RUNTIME_H_
#define COHORT_COORDINATOR_JOB_RUNTIME_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cohort/v1/learner_service.pb.h"
#include "cohort/v1/rollout_service.pb.h"
#include "coordinator/best_versions.h"
#include "coordinator/changed_jobs.h"
#include "coordinator/claim_budget.h"
#include "coordinator/committed_versions.h"
#include "coordinator/coordinator_context.h"
#include "coordinator/dataset_opening.h"
#include "coordinator/gang_registry.h"
#include "coordinator/job_data.h"
#include "coordinator/job_demand.h"
#include "coordinator/job_groups.h"
#include "coordinator/job_ledger.h"
#include "coordinator/job_lifecycle.h"
#include "coordinator/job_vitals.h"
#include "coordinator/payload_retention.h"
#include "coordinator/stall_watch.h"
#include "coordinator/step_handout.h"
#include "coordinator/step_planner.h"
#include "coordinator/step_recorder.h"
#include "coordinator/submitted_group.h"
#include "coordinator/waiting_claims.h"

namespace cohort::coordinator {

// One job from submission to its end: ties groups, plans and versions together and moves the job's state, by the table
// of job_lifecycle.h. Plan v is made when version v is committed, its evaluation (if any) finished and every group of
// step v scored or dropped. Order of what becomes durable: plan, then handed out, then CommitStep, then claimable by
// PublishVersion. Thread-safe; the context must outlive it.
class JobRuntime final {
 public:
  // Takes up a stored job with all its events; one that was RUNNING waits for ranks again. Its files are not looked at
  // before ranks are there, or a worker that still holds groups of it.
  static std::unique_ptr<JobRuntime> Load(const CoordinatorContext* context, JobRecord record,
                                          const std::vector<cohort::v1::JobEvent>& events, ChangedJobs* changed);
  // Takes up a job that was stored just now (JobLedger::Begin). `changed`, here and in Load, hears of the job whenever
  // Demand is another one, but for device_seconds; it must outlive the job.
  static std::unique_ptr<JobRuntime> Begin(const CoordinatorContext* context, JobRecord record, ChangedJobs* changed);

  JobRecord Snapshot() const;
  JobDemand Demand() const;
  const std::string& name() const { return name_; }
  int64_t sequence() const { return sequence_; }  // order of creation
  cohort::v1::JobState state() const;
  bool IsOver() const;  // ended, and its ranks have left
  WaitState Waiting() const;
  cohort::v1::Job View() const;  // as it is answered: with etag, conditions, what it waits for
  void SetQueuePlace(int64_t position, const std::string& reason);  // from 1, and why it waits; for View and Waiting
  std::map<std::string, int64_t> GroupsByWorker() const;            // that rollout workers hold

  // As JobService says. Each is done at once for a job without ranks, else after the update in progress.
  absl::Status Pause(const std::string& reason, std::string_view etag = "");
  absl::Status Resume(std::string_view etag = "");
  absl::Status Cancel(std::string_view etag = "");
  // The ranks of a RUNNING job stop for the job `by`, and it is PREEMPTED. FAILED_PRECONDITION without ranks.
  absl::Status Preempt(const std::string& by);

  // Gang. FAILED_PRECONDITION unless queued, and while ranks of the gang before are there. When the job's data is not
  // what was submitted it has failed; for what may come right by itself (a full disk) it waits on, and says so. An
  // error that IsBeingRead: nothing has happened yet.
  absl::StatusOr<GangStart> StartGang();
  absl::Status StartWithoutRanks();  // the same for a job that needs none
  void LoseGang(int64_t incarnation, const std::string& reason);
  // The gang gets a stop instead of its next plan, and seals a checkpoint first; the job goes on with another gang.
  void RequestStop(const std::string& reason);
  // The same because a rank terminates. ABORTED for another incarnation than the present one.
  absl::Status RequestStop(int64_t incarnation, const std::string& reason);
  // A rank found that the job cannot go on, and starting it again would not help: the job fails. ABORTED as above.
  absl::Status Abandon(int64_t incarnation, const std::string& reason);
  // The gang, when it has not left stop_limit after it was asked to stop: to be dissolved, for this reason.
  std::optional<LostGang> TakeOverdueStop();
  // No gang, or every rank was told to stop and the checkpoint asked for is sealed.
  bool IsStopped() const;

  // Rollouts.
  // Appends groups, and the sources of their versions, as far as the budget goes.
  void Claim(std::string_view worker_id, ClaimBudget* budget, cohort::v1::ClaimGroupsResponse* response);
  bool HasWaitingGroups(GroupOffer* offer) const;  // and which workers may claim them
  void EndExpiredLeases();
  bool Renew(std::string_view worker_id, const cohort::v1::GroupLease& lease);
  // Adds the coordinator's times to the groups that it stores.
  absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> Submit(std::vector<Submission>* submissions);
  void Release(const std::vector<cohort::v1::GroupLease>& leases, const std::string& error);
  void Tick();  // time has passed: ends leases that ran out and does what could not be done before

  // Steps. ABORTED for another incarnation than the present one; UNAVAILABLE while the coordinator's storage fails.
  // GetPlan: nullopt while there is none. A rank that asks for a version below the one the gang was to resume from
  // found the checkpoints in between damaged: they no longer count as sealed, and the plans since are handed out again.
  absl::StatusOr<std::optional<cohort::v1::StepPlan>> GetPlan(const cohort::v1::GetStepRequest& request);
  // The rows of an SFT job, null for other jobs. After the first GetPlan.
  const Dataset* demonstrations() const { return is_sft_ && data_ != nullptr ? data_->train.get() : nullptr; }
  absl::Status CommitStep(const cohort::v1::CommitStepRequest& request);
  absl::StatusOr<int64_t> PublishVersion(const cohort::v1::PublishVersionRequest& request);
  absl::Status SealCheckpoint(const cohort::v1::SealCheckpointRequest& request);
  std::vector<int64_t> BestVersions() const;  // whose checkpoints keep_best keeps

 private:
  // What changes of the demand, without device_seconds, and without is_reading, which the queue follows itself.
  struct Standing {
    cohort::v1::JobState state = cohort::v1::JOB_STATE_UNSPECIFIED;
    bool holds_ranks = false;
    bool is_stopping = false;
    bool may_start = false;
    bool operator==(const Standing&) const = default;
  };

  // What a job waits for: a word for the metric, and a phrase for people.
  struct Awaited {
    const char* kind = "";
    std::string text;
  };

  JobRuntime(const CoordinatorContext* context, std::unique_ptr<JobLedger> ledger, ChangedJobs* changed);

  Standing StandingNow() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  // Tells `changed_` of a new standing. After whatever may change it; at the latest with the next tick.
  void NoteStanding() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Activate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // an error that IsBeingRead: ask again
  absl::Status Start() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // RUNNING, with groups; who serves it is yet to be said
  void Postpone(const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // a queued job waits on
  void Moved() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  SealedVersions Sealed() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);  // valid as long as the lock is held
  bool IsSealed(int64_t v) const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return versions_.IsSealed(v); }
  Awaited Describe() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void ReportMetrics() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ActivateForWorkers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // True when the group is to be written; else the receipt is final. `was_judged`: the group itself is as it was then.
  absl::StatusOr<bool> Judge(const Submission& submission, bool was_judged, cohort::v1::GroupReceipt* receipt)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // One call's groups, in the log and not in the store yet.
  struct LoggedGroups;
  // Judges the call's n-th group again and adds it to `scored`, unless it is there or in `before`.
  absl::Status JudgeLogged(LoggedGroups* call, size_t n, const std::map<int64_t, GroupRecord>& before,
                           std::map<int64_t, GroupRecord>* scored) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of an EVAL job: stores the digest of its model folder as that of version 0, unless it is stored; and that a worker
  // has these weights. ABORTED when it has others.
  absl::Status StoreFolderWeights() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckFolderWeights(const cohort::v1::RolloutGroup& group) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void Refuse(const std::string& worker, const std::string& reason, cohort::v1::GroupReceipt* receipt)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of the versions of a claim's groups from `first` on.
  std::vector<cohort::v1::WeightSource> SourcesOf(const cohort::v1::ClaimGroupsResponse& response, int first) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Of a claim whose groups of this job begin at `first`: takes out those from `unread` on, which could not be read
  // (`status`) or do not fit (OK), and they wait again. When it is the fault of the job, it fails, and all are taken
  // out.
  void ReturnUnread(int first, int unread, const absl::Status& status, cohort::v1::ClaimGroupsResponse* response)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Stores what the calls that wait have logged, in order of arrival and together, and says to each how it went.
  void StoreLogged() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) ABSL_LOCKS_EXCLUDED(logged_mutex_);
  absl::Status SetState(cohort::v1::JobState state, const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Fail(const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SettleStop() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // what is decided but not stored yet
  bool HasStopped() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  bool GivesOutGroups() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void StopGang(const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ChargeUse() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // before what the job holds changes
  void PauseIfBudgetIsSpent() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whatever can be done now. Idempotent; a failed write is tried again later.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void NoteBlocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FinishEvaluation() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FinishRescore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FinishJob() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsLastVersion() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::Status MakePlan() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status TakeStep(PlannedStep step) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status StorePlan(cohort::v1::StepPlan plan, JobRecord next, JobChange change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Drops what `change` drops and admits `count` further groups for a step.
  absl::Status SampleFurther(int64_t step, int64_t count, JobRecord next, JobChange change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status TurnOverGroups() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);  // max_lag: stale ones out, free slots filled
  absl::Status CheckErrored() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool ShouldSeal() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<int64_t> NewestAskedSeal() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);  // of the last plans, or -1
  absl::Status PrepareStart() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  VersionRecord ResumePoint() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A gang has come to a committed version again. With other weights these become the committed ones.
  absl::Status CommitReplayed(int64_t version, const std::string& digest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Diverge(int64_t version, const std::string& digest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Unseals what a rank could not take up: versions above `version`, up to the one the gang was to resume from.
  absl::Status ResumeFrom(int64_t version) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReleasePayload() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckGang(int64_t incarnation) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::Status CheckDigest(int64_t version, const std::string& digest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PinStopIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::map<std::string, double> StepMetrics(const cohort::v1::CommitStepRequest& request) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const CoordinatorContext* const context_;
  const std::string name_;
  const int64_t sequence_;
  const bool is_sft_;
  ChangedJobs* const changed_;
  mutable absl::Mutex mutex_;
  const std::unique_ptr<JobLedger> ledger_ ABSL_PT_GUARDED_BY(mutex_);
  DatasetOpening opening_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<JobData> data_;  // set by Activate and constant from then on
  std::unique_ptr<JobGroups> groups_ ABSL_GUARDED_BY(mutex_);
  StepRecorder recorder_ ABSL_GUARDED_BY(mutex_);
  PayloadRetention retention_ ABSL_GUARDED_BY(mutex_);
  CommittedVersions versions_ ABSL_GUARDED_BY(mutex_);
  std::optional<cohort::v1::StepPlan> plan_ ABSL_GUARDED_BY(mutex_);  // the stored one of the newest version, if any
  std::optional<int64_t> asked_seal_ ABSL_GUARDED_BY(mutex_);  // newest plan that seals, or -1; unset: not read yet
  std::optional<absl::Duration> planned_at_ ABSL_GUARDED_BY(mutex_);  // of plan_, when this process made it
  StepHandout handout_ ABSL_GUARDED_BY(mutex_);
  bool has_started_without_ranks_ ABSL_GUARDED_BY(mutex_) = false;
  std::string stop_reason_ ABSL_GUARDED_BY(mutex_);  // what a RUNNING job's gang is told
  StopCause stop_cause_ ABSL_GUARDED_BY(mutex_) = StopCause::kNone;
  absl::Duration stop_pinned_at_ ABSL_GUARDED_BY(mutex_);
  std::string stop_shortfall_ ABSL_GUARDED_BY(mutex_);  // why the gang's stop was not waited for; empty: it was
  std::string failure_ ABSL_GUARDED_BY(mutex_);         // why the job has failed, stored as soon as the store takes it
  std::string queued_reason_ ABSL_GUARDED_BY(mutex_);   // why a job without a gang is QUEUED
  JobVitals vitals_ ABSL_GUARDED_BY(mutex_);
  absl::Status activation_ ABSL_GUARDED_BY(mutex_);  // of ActivateForWorkers since the last Tick
  absl::Duration last_step_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_tick_ ABSL_GUARDED_BY(mutex_);
  int64_t progress_ ABSL_GUARDED_BY(mutex_) = 0;
  Standing noted_ ABSL_GUARDED_BY(mutex_);
  // Separate, so that a call gets in line while another one stores. Taken after mutex_ or alone.
  absl::Mutex logged_mutex_;
  std::vector<LoggedGroups*> logged_ ABSL_GUARDED_BY(logged_mutex_);
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_RUNTIME_H_
