// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_watch.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/job_lifecycle.h"
#include "coordinator/resource_name.h"

namespace cohort::coordinator {
namespace {

constexpr int kEventsPerRead = 100;

absl::StatusOr<int64_t> FirstPlace(JobStore* store, const cohort::v1::WatchJobRequest& request) {
  if (request.newest() < 0) {
    return common::InvalidField("newest", absl::StrCat(request.newest()), "must not be negative");
  }
  if (request.newest() == 0) return request.resume_token();
  COHORT_ASSIGN_OR_RETURN(const int64_t newest, store->NewestEventSequence(request.name()));
  return std::max(request.resume_token(), newest - request.newest());
}

}  // namespace

absl::Status WatchJob(JobStore* store, const ChangeSignal& signal, const cohort::v1::WatchJobRequest& request,
                      const EventSink& sink) {
  COHORT_RETURN_IF_ERROR(CheckJobName(request.name()));
  COHORT_ASSIGN_OR_RETURN(int64_t after, FirstPlace(store, request));
  while (true) {
    const int64_t seen = signal.count();
    // The state first: a job that has ended gets no event after the ones read below.
    COHORT_ASSIGN_OR_RETURN(const JobRecord record, store->GetJob(request.name()));
    COHORT_ASSIGN_OR_RETURN(auto events, store->ListEvents(request.name(), after, kEventsPerRead));
    for (cohort::v1::JobEvent& event : events) {
      if (event.has_step()) event.mutable_step()->clear_timings();
      if (!sink.write(event)) return absl::CancelledError("the watcher hung up");
      after = event.sequence();
    }
    if (!events.empty()) continue;
    if (HasEnded(record.job.state()) || request.past_only()) return absl::OkStatus();
    const bool has_news = signal.WaitBeyond(seen, absl::InfiniteFuture(), sink.is_cancelled);
    if (sink.is_cancelled()) return absl::CancelledError("the watcher hung up");
    if (!has_news) return absl::UnavailableError("the coordinator is stopping");
  }
}

}  // namespace cohort::coordinator
