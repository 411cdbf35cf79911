// SPDX-License-Identifier: Apache-2.0
#include "coordinator/log_watch.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/config/proto_time.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/job_lifecycle.h"
#include "coordinator/resource_name.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

// Lines that are looked at in one go.
constexpr size_t kLinesPerLook = 200;
// How often a watch that follows asks whether the job has ended.
constexpr absl::Duration kStateCheck = absl::Seconds(1);
// Longer than workers and ranks wait between two heartbeats, which bring their last lines.
constexpr absl::Duration kLastLines = absl::Seconds(6);

absl::Status CheckRequest(const cohort::v1::WatchLogsRequest& request) {
  COHORT_RETURN_IF_ERROR(CheckJobName(request.name()));
  if (request.resume_token() < 0) {
    return common::InvalidField("resume_token", absl::StrCat(request.resume_token()), "must not be negative");
  }
  if (request.tail() < 0) return common::InvalidField("tail", absl::StrCat(request.tail()), "must not be negative");
  if (!cohort::v1::LogLevel_IsValid(request.min_level())) {
    return common::InvalidField("min_level", absl::StrCat(request.min_level()), "is not a level");
  }
  if (!cohort::v1::ProcessRole_IsValid(request.role())) {
    return common::InvalidField("role", absl::StrCat(request.role()), "is not a role");
  }
  const absl::Duration since = common::FromProtoDuration(request.since());
  if (since < absl::ZeroDuration()) {
    return common::InvalidField("since", absl::FormatDuration(since), "must not be negative");
  }
  return absl::OkStatus();
}

LogFilter FilterOf(const cohort::v1::WatchLogsRequest& request, absl::Time now) {
  LogFilter filter{.min_level = request.min_level(), .role = request.role(), .process = request.process()};
  if (request.has_since()) filter.first_time = now - common::FromProtoDuration(request.since());
  return filter;
}

// Whether nothing more is to be expected.
absl::StatusOr<bool> IsOver(const LogSource& source, const std::string& name) {
  const auto record = source.store->GetJob(name);
  if (!record.ok()) return ReadTrouble("look the job up", record.status());
  const bool has_ended = HasEnded(record->job.state());
  return has_ended && source.clock->Now() - common::FromProtoTimestamp(record->job.end_time()) >= kLastLines;
}

}  // namespace

absl::Status WatchLogs(const LogSource& source, const cohort::v1::WatchLogsRequest& request, const LogSink& sink) {
  COHORT_RETURN_IF_ERROR(CheckRequest(request));
  COHORT_RETURN_IF_ERROR(ReadTrouble("find the job", source.store->GetJob(request.name()).status()));
  const LogFilter filter = FilterOf(request, source.clock->Now());
  int64_t after = request.resume_token();
  if (request.tail() > 0) after = source.logs->BeforeNewest(request.name(), after, filter, request.tail());
  absl::Time next_check = absl::InfinitePast();
  while (true) {
    const int64_t seen = source.signal->count();
    // First, so that what came before the end is written.
    bool is_over = !request.follow();
    if (!is_over && absl::Now() >= next_check) {
      COHORT_ASSIGN_OR_RETURN(is_over, IsOver(source, request.name()));
      next_check = absl::Now() + kStateCheck;
    }
    for (int64_t before = -1; before != after;) {
      before = after;
      const JobLogs::Page page = source.logs->After(request.name(), after, filter, kLinesPerLook);
      for (const cohort::v1::LogLine& line : page.lines) {
        if (!sink.write(line)) return absl::CancelledError("the watcher hung up");
      }
      after = page.last_sequence;
    }
    if (is_over) return absl::OkStatus();
    source.signal->WaitBeyond(seen, next_check, sink.is_cancelled);
    if (sink.is_cancelled()) return absl::CancelledError("the watcher hung up");
    if (source.signal->IsClosed()) return absl::UnavailableError("the coordinator is stopping");
  }
}

}  // namespace cohort::coordinator
