// SPDX-License-Identifier: Apache-2.0
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
#include "coordinator/coordinator_context.h"
#include "coordinator/job_data.h"
#include "coordinator/job_groups.h"
#include "coordinator/job_ledger.h"
#include "coordinator/step_handout.h"

namespace cohort::coordinator {

// What a gang needs to begin.
struct GangStart {
  int64_t incarnation = 0;
  std::string resume_checkpoint;
  int64_t resume_version = 0;
};

// A group as it came from a worker.
struct Submission {
  cohort::v1::LeaseToken lease;
  cohort::v1::RolloutGroup group;
};

// What an unfinished job waits for.
struct WaitState {
  // Rises with everything that moves the job.
  int64_t progress = 0;
  // "rollout workers to claim 12 groups of version 3".
  std::string waits_for;
};

// One job from submission to its end: ties groups, plans and versions together and moves the job's state.
//
//   QUEUED --StartGang--> RUNNING --LoseGang--> QUEUED ...        RUNNING --all done--> SUCCEEDED | FAILED
//   QUEUED --Cancel--> CANCELLED      RUNNING --Cancel--> CANCELLING --ranks stopped--> CANCELLED
//
// Plan v is made when version v is committed, its evaluation (if any) finished and every group of step v scored or
// dropped. Order of what becomes durable: plan, then handed out, then CommitStep, then claimable by PublishVersion.
// Thread-safe; the context must outlive it.
class JobRuntime final {
 public:
  // Takes up a stored job; one that was RUNNING waits for ranks again.
  static absl::StatusOr<std::unique_ptr<JobRuntime>> Load(const CoordinatorContext* context, JobRecord record);

  JobRecord Snapshot() const;
  // Order of creation.
  int64_t sequence() const { return sequence_; }
  // Ended, and its ranks have left.
  bool IsOver() const;
  WaitState Waiting() const;
  // Ends the job; a QUEUED one at once, a RUNNING one after the update in progress.
  absl::Status Cancel();

  // Gang. FAILED_PRECONDITION unless QUEUED.
  absl::StatusOr<GangStart> StartGang();
  void LoseGang(int64_t incarnation, const std::string& reason);
  // The gang gets a stop instead of its next plan, and seals a checkpoint first.
  void RequestStop(const std::string& reason);
  // A rank found that the job cannot go on, and starting it again would not help: the job fails.
  void Abandon(const std::string& reason);
  // No gang, or every rank was told to stop and the checkpoint asked for is sealed.
  bool IsStopped() const;

  // Rollouts.
  absl::StatusOr<std::vector<cohort::v1::GroupAssignment>> Claim(std::string_view worker_id, int max_groups,
                                                                 std::map<int64_t, cohort::v1::WeightSource>* weights);
  bool Renew(std::string_view worker_id, const cohort::v1::GroupLease& lease);
  absl::StatusOr<std::vector<cohort::v1::GroupReceipt>> Submit(const std::vector<Submission>& submissions);
  absl::Status Release(const std::vector<cohort::v1::GroupLease>& leases, const std::string& error);
  // Time has passed: ends leases that ran out and does what could not be done before.
  void Tick();

  // Steps. ABORTED for another incarnation than the present one. GetPlan: nullopt while there is none.
  absl::StatusOr<std::optional<cohort::v1::StepPlan>> GetPlan(const cohort::v1::GetStepRequest& request);
  // The rows of an SFT job, null for other jobs. After the first GetPlan.
  const Dataset* demonstrations() const { return is_sft_ && data_ != nullptr ? data_->train.get() : nullptr; }
  absl::Status CommitStep(const cohort::v1::CommitStepRequest& request);
  absl::StatusOr<int64_t> PublishVersion(const cohort::v1::PublishVersionRequest& request);
  absl::Status SealCheckpoint(const cohort::v1::SealCheckpointRequest& request);

 private:
  JobRuntime(const CoordinatorContext* context, std::unique_ptr<JobLedger> ledger);

  // job_runtime.cc
  absl::Status Activate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  GangStart ChooseResume(int64_t incarnation) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SetState(cohort::v1::JobState state, const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Fail(const std::string& reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Moved() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsSealed(int64_t version) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  // True when the group is to be written; else the receipt is final.
  absl::StatusOr<bool> Judge(const Submission& submission, cohort::v1::GroupReceipt* receipt)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasStopped() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  // job_runtime_advance.cc: whatever can be done now. Idempotent; a failed write is tried again later.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FinishEvaluation() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status MakePlan() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status StorePlan(cohort::v1::StepPlan plan, JobRecord next, JobChange change)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FinishJob() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsLastVersion() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  std::string Describe() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  // job_runtime_steps.cc
  absl::Status CheckGang(int64_t incarnation) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  absl::Status CheckDigest(int64_t version, const std::string& digest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PinStopIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::map<std::string, double> StepMetrics(const cohort::v1::CommitStepRequest& request) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const CoordinatorContext* const context_;
  const int64_t sequence_;
  const bool is_sft_;
  mutable absl::Mutex mutex_;
  const std::unique_ptr<JobLedger> ledger_ ABSL_PT_GUARDED_BY(mutex_);
  // Set by the first StartGang and constant from then on.
  std::unique_ptr<JobData> data_;
  std::unique_ptr<JobGroups> groups_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, VersionRecord> versions_ ABSL_GUARDED_BY(mutex_);
  // The stored training plan of the newest version, once there is one.
  std::optional<cohort::v1::StepPlan> plan_ ABSL_GUARDED_BY(mutex_);
  StepHandout handout_ ABSL_GUARDED_BY(mutex_);
  std::string stop_reason_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_step_ ABSL_GUARDED_BY(mutex_);
  int64_t progress_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_RUNTIME_H_
