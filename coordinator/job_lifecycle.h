// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_LIFECYCLE_H_
#define COHORT_COORDINATOR_JOB_LIFECYCLE_H_

#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// The table of a job's states (docs/service.md, "Life of a job"). Pure functions.
//
//   QUEUED --start--> RUNNING, PAUSING --all done--> SUCCEEDED       any that has not ended --> FAILED
//   RUNNING --pause--> PAUSING --stopped--> PAUSED --resume--> QUEUED
//   RUNNING --its stop was for another job--> PREEMPTED --start--> RUNNING
//   RUNNING --its ranks are gone--> QUEUED
//   RUNNING, PAUSING --cancel--> CANCELLING --stopped--> CANCELLED   QUEUED, PAUSED, PREEMPTED --cancel--> CANCELLED

// What somebody asks of a job.
enum class JobRequest { kStart, kPause, kResume, kCancel, kPreempt };

// Why the gang of a RUNNING job is asked to stop, when its state does not say it.
enum class StopCause {
  kNone,
  kRestart,     // a rank or the coordinator terminates: the job is queued and goes on as soon as it can
  kPreemption,  // another job needs the ranks
};

// CANCELLED, SUCCEEDED and FAILED.
bool HasEnded(cohort::v1::JobState state);
// Waits for ranks: QUEUED or PREEMPTED.
bool IsQueued(cohort::v1::JobState state);
// Its ranks are asked to stop and the state after that is decided: PAUSING or CANCELLING.
bool IsStopping(cohort::v1::JobState state);
// Groups that workers hold are taken in: the job has ranks, or gets them without anybody's asking.
bool TakesGroups(cohort::v1::JobState state);

// The state that a request leads to, the present one when it changes nothing. FAILED_PRECONDITION says why not.
absl::StatusOr<cohort::v1::JobState> AfterRequest(cohort::v1::JobState state, JobRequest request);
// The state of a job whose ranks have stopped or are gone. For QUEUED, PREEMPTED, PAUSED and ended ones, the same.
cohort::v1::JobState AfterStop(cohort::v1::JobState state, StopCause cause);
// Some request, a stop or the job's own end leads from one state to another.
bool IsLegalMove(cohort::v1::JobState from, cohort::v1::JobState to);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_LIFECYCLE_H_
