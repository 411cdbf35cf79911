// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_lifecycle.h"

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace cohort::coordinator {
namespace {

using cohort::v1::JobState;

constexpr JobRequest kRequests[] = {JobRequest::kStart, JobRequest::kPause, JobRequest::kResume, JobRequest::kCancel,
                                    JobRequest::kPreempt};
constexpr StopCause kCauses[] = {StopCause::kNone, StopCause::kRestart, StopCause::kPreemption};

absl::StatusOr<JobState> Refuse(std::string_view what, JobState state) {
  return absl::FailedPreconditionError(
      absl::StrCat("the job cannot be ", std::string(what), " (", cohort::v1::JobState_Name(state), ")"));
}

absl::StatusOr<JobState> AfterStart(JobState state) {
  return IsQueued(state) ? absl::StatusOr<JobState>(cohort::v1::JOB_STATE_RUNNING) : Refuse("started", state);
}

absl::StatusOr<JobState> AfterPause(JobState state) {
  if (state == cohort::v1::JOB_STATE_PAUSED || state == cohort::v1::JOB_STATE_PAUSING) return state;
  if (state == cohort::v1::JOB_STATE_RUNNING) return cohort::v1::JOB_STATE_PAUSING;
  return IsQueued(state) ? absl::StatusOr<JobState>(cohort::v1::JOB_STATE_PAUSED) : Refuse("paused", state);
}

absl::StatusOr<JobState> AfterResume(JobState state) {
  if (state == cohort::v1::JOB_STATE_RUNNING || IsQueued(state)) return state;
  if (state == cohort::v1::JOB_STATE_PAUSED) return cohort::v1::JOB_STATE_QUEUED;
  // Its ranks cannot be told otherwise any more: they stop and join again.
  return state == cohort::v1::JOB_STATE_PAUSING ? absl::StatusOr<JobState>(cohort::v1::JOB_STATE_RUNNING)
                                                : Refuse("resumed", state);
}

JobState AfterCancel(JobState state) {
  if (HasEnded(state)) return state;
  const bool has_ranks = state == cohort::v1::JOB_STATE_RUNNING || IsStopping(state);
  return has_ranks ? cohort::v1::JOB_STATE_CANCELLING : cohort::v1::JOB_STATE_CANCELLED;
}

absl::StatusOr<JobState> AfterPreempt(JobState state) {
  const bool has_ranks = state == cohort::v1::JOB_STATE_RUNNING || IsStopping(state);
  return has_ranks ? absl::StatusOr<JobState>(state) : Refuse("pre-empted", state);
}

}  // namespace

bool HasEnded(JobState state) {
  return state == cohort::v1::JOB_STATE_CANCELLED || state == cohort::v1::JOB_STATE_SUCCEEDED ||
         state == cohort::v1::JOB_STATE_FAILED;
}

bool IsQueued(JobState state) {
  return state == cohort::v1::JOB_STATE_QUEUED || state == cohort::v1::JOB_STATE_PREEMPTED;
}

bool IsStopping(JobState state) {
  return state == cohort::v1::JOB_STATE_PAUSING || state == cohort::v1::JOB_STATE_CANCELLING;
}

bool TakesGroups(JobState state) {
  return state == cohort::v1::JOB_STATE_QUEUED || state == cohort::v1::JOB_STATE_RUNNING || IsStopping(state);
}

absl::StatusOr<JobState> AfterRequest(JobState state, JobRequest request) {
  switch (request) {
    case JobRequest::kStart:
      return AfterStart(state);
    case JobRequest::kPause:
      return AfterPause(state);
    case JobRequest::kResume:
      return AfterResume(state);
    case JobRequest::kCancel:
      return AfterCancel(state);
    case JobRequest::kPreempt:
      return AfterPreempt(state);
  }
  return absl::InternalError("a request without a row in the table");
}

JobState AfterStop(JobState state, StopCause cause) {
  if (state == cohort::v1::JOB_STATE_PAUSING) return cohort::v1::JOB_STATE_PAUSED;
  if (state == cohort::v1::JOB_STATE_CANCELLING) return cohort::v1::JOB_STATE_CANCELLED;
  if (state != cohort::v1::JOB_STATE_RUNNING) return state;
  return cause == StopCause::kPreemption ? cohort::v1::JOB_STATE_PREEMPTED : cohort::v1::JOB_STATE_QUEUED;
}

bool IsLegalMove(JobState from, JobState to) {
  if (HasEnded(from) || from == to) return false;
  if (to == cohort::v1::JOB_STATE_FAILED) return true;
  if (to == cohort::v1::JOB_STATE_SUCCEEDED) {
    return from == cohort::v1::JOB_STATE_RUNNING || from == cohort::v1::JOB_STATE_PAUSING;
  }
  for (const JobRequest request : kRequests) {
    const auto next = AfterRequest(from, request);
    if (next.ok() && *next == to) return true;
  }
  for (const StopCause cause : kCauses) {
    if (AfterStop(from, cause) == to) return true;
  }
  return false;
}

}  // namespace cohort::coordinator
