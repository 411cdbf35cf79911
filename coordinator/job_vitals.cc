// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_vitals.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/str_cat.h"
#include "coordinator/job_conditions.h"
#include "coordinator/job_lifecycle.h"
#include "coordinator/stall_watch.h"

namespace cohort::coordinator {

using cohort::v1::JobCondition;

bool JobVitals::Trouble::Note(const absl::Status& status, absl::Time now) {
  const std::string text(status.message());
  const bool is_other = !status.ok() && text != text_;
  if (text_.empty()) since_ = now;
  text_ = status.ok() ? "" : text;
  return is_other;
}

void JobVitals::Look(int64_t progress, absl::Duration now) {
  moved_at_ = MovedAt(progress, now);
  progress_ = progress;
}

void JobVitals::SetQueuePlace(int64_t position, const std::string& reason) {
  queue_position_ = position;
  queue_reason_ = reason;
}

void JobVitals::FillIn(const std::string& waits_for, absl::Duration stalled, absl::Time now,
                       cohort::v1::Job* job) const {
  const absl::Time since = now - stalled;
  job->set_waits_for(waits_for);
  *job->mutable_waits_since() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(since));
  job->set_queue_position(IsQueued(job->state()) ? queue_position_ : 0);
  // A paused job waits for nobody who could be late.
  if (stalled >= kStallThreshold && job->state() != cohort::v1::JOB_STATE_PAUSED) {
    SetCondition(job, JobCondition::STALLED, absl::StrCat("waits for ", waits_for), since);
  }
  for (const Trouble* trouble : {&store_, &rollout_log_}) {
    if (trouble->text().empty()) continue;
    SetCondition(job, JobCondition::STORAGE_TROUBLE, trouble->text(), trouble->since());
  }
  if (processors_.text().empty()) return;
  SetCondition(job, JobCondition::MIXED_PROCESSORS, processors_.text(), processors_.since());
}

}  // namespace cohort::coordinator
