// SPDX-License-Identifier: Apache-2.0
#include "learner/gang_membership.h"

#include <utility>

#include "absl/time/clock.h"
#include "common/telemetry/line_report.h"
#include "common/telemetry/log.h"

namespace cohort::learner {
namespace {

// How soon a signal or a new place is noticed.
constexpr absl::Duration kTick = absl::Milliseconds(100);
// How often to ask a coordinator whose disk is full.
constexpr absl::Duration kFullDiskPause = absl::Seconds(1);
constexpr int kReportTries = 3;

bool IsAway(const absl::Status& status) { return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status); }

bool IsSamePlace(const cohort::v1::RankHeartbeatRequest& a, const cohort::v1::RankHeartbeatRequest& b) {
  return a.job() == b.job() && a.incarnation() == b.incarnation();
}

}  // namespace

GangMembership::GangMembership(Options options, LearnerClient* client, const common::Shutdown* shutdown,
                               common::Clock* clock)
    : options_(std::move(options)), client_(client), shutdown_(shutdown), clock_(clock) {
  place_.set_learner_id(options_.learner_id);
  last_sent_ = last_answer_ = clock_->Monotonic();
  thread_ = std::thread([this] { Run(); });
}

GangMembership::~GangMembership() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void GangMembership::Enter(const cohort::v1::JoinGangResponse& place) {
  absl::MutexLock lock(&mutex_);
  place_.set_job(place.job());
  place_.set_incarnation(place.incarnation());
  place_.set_rank(place.rank());
  is_lost_ = false;
}

void GangMembership::Leave() {
  absl::MutexLock lock(&mutex_);
  place_.clear_job();
  place_.clear_incarnation();
  place_.clear_rank();
  is_lost_ = false;
}

bool GangMembership::IsLost() const {
  absl::MutexLock lock(&mutex_);
  return is_lost_;
}

bool GangMembership::IsAbandoned() const {
  absl::MutexLock lock(&mutex_);
  return IsGivenUp();
}

bool GangMembership::IsGivenUp() const {
  return shutdown_->IsRequested() && clock_->Monotonic() - last_answer_ > options_.give_up_after;
}

absl::Status GangMembership::Persist(const std::function<absl::Status()>& call) const {
  while (true) {
    const absl::Status status = call();
    const bool is_full = absl::IsResourceExhausted(status);
    if (!IsAway(status) && !is_full) return status;
    if (IsLost() || IsAbandoned()) return status;
    if (is_full) log::Warning("coordinator cannot write", {{"reason", status}});
    absl::SleepFor(is_full ? kFullDiskPause : kTick);  // don't spin on a refused connection
  }
}

void GangMembership::ReportError(const absl::Status& error) {
  for (int i = 0; i < kReportTries && IsAway(Send(std::string(error.message()))); ++i) absl::SleepFor(kTick);
}

bool GangMembership::IsDue() const {
  if (shutdown_->IsRequested() && !drain_sent_) return true;
  return clock_->Monotonic() - last_sent_ >= options_.heartbeat_interval;
}

void GangMembership::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kTick);
      if (stopping_) return;
      if (is_lost_ || IsGivenUp()) client_->CancelSteps();  // again and again: a call may just have begun
      if (!IsDue()) continue;
    }
    if (shutdown_->IsRequested()) client_->CancelJoin();
    Send("").IgnoreError();  // the next one comes soon
  }
}

absl::Status GangMembership::Send(const std::string& error) {
  cohort::v1::RankHeartbeatRequest request;
  {
    absl::MutexLock lock(&mutex_);
    request = place_;
    last_sent_ = clock_->Monotonic();
  }
  request.set_is_draining(shutdown_->IsRequested());
  request.set_error(error);
  const int64_t last_line = options_.lines == nullptr ? 0 : log::FillReport(*options_.lines, request.mutable_log());
  const absl::Status status = client_->Heartbeat(request);
  // The lines of a gang that was dissolved have arrived, too.
  const bool has_arrived = status.ok() || absl::IsAborted(status);
  if (last_line > 0 && has_arrived) options_.lines->RemoveThrough(last_line);
  absl::MutexLock lock(&mutex_);
  if (!IsAway(status)) last_answer_ = clock_->Monotonic();
  if (status.ok() && request.is_draining()) drain_sent_ = true;
  if (absl::IsAborted(status) && IsSamePlace(request, place_) && !place_.job().empty() && !is_lost_) {
    is_lost_ = true;
    log::Warning("gang dissolved", {{"job", request.job()}, {"rank", request.rank()}, {"reason", status}});
  }
  return status;
}

}  // namespace cohort::learner
