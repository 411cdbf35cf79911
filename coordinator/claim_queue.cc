// SPDX-License-Identifier: Apache-2.0
#include "coordinator/claim_queue.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace cohort::coordinator {
namespace {

// How exactly a deadline is kept.
constexpr absl::Duration kDeadlineCheck = absl::Milliseconds(50);

}  // namespace

ClaimQueue::ClaimQueue(Source source, const ChangeSignal* signal)
    : source_(std::move(source)), signal_(signal), thread_([this] { Run(); }) {}

ClaimQueue::~ClaimQueue() {
  Close();
  thread_.join();
}

int64_t ClaimQueue::Add(const cohort::v1::ClaimGroupsRequest* request, absl::Time deadline,
                        cohort::v1::ClaimGroupsResponse* response, Answer answer) {
  const int64_t seen = signal_->count();
  bool is_last = absl::Now() >= deadline;
  {
    absl::MutexLock lock(&mutex_);
    is_last = is_last || is_closed_;
  }
  const absl::Status status = source_.claim(*request, response);
  if (is_last || !status.ok() || response->groups_size() > 0) {
    answer(status);
    return 0;
  }
  WaitingClaim claim = {.request = request, .response = response, .deadline = deadline, .answer = std::move(answer)};
  const absl::StatusOr<int64_t> ticket = Park(&claim);
  if (!ticket.ok() || *ticket == 0) {
    claim.answer(ticket.status());
    return 0;
  }
  // What came between the look and now has found nobody waiting.
  if (signal_->count() != seen) Serve();
  return *ticket;
}

absl::StatusOr<int64_t> ClaimQueue::Park(WaitingClaim* claim) {
  absl::MutexLock lock(&mutex_);
  if (is_closed_) return 0;
  if (waiting_.size() >= kMaxWaiting) {
    return absl::ResourceExhaustedError(absl::StrCat("claims: too many wait (", kMaxWaiting, ")"));
  }
  const int64_t ticket = next_ticket_++;
  waiting_.Add(ticket, std::move(*claim));
  return ticket;
}

void ClaimQueue::Cancel(int64_t ticket) {
  std::optional<WaitingClaim> claim;
  {
    absl::MutexLock lock(&mutex_);
    if (taken_.count(ticket) > 0) cancelled_.insert(ticket);
    claim = waiting_.Take(ticket);
  }
  if (claim.has_value()) claim->answer(absl::CancelledError("the worker hung up"));
}

void ClaimQueue::Close() {
  absl::MutexLock lock(&mutex_);
  is_closed_ = true;
}

int64_t ClaimQueue::NumWaiting() const {
  absl::MutexLock lock(&mutex_);
  return waiting_.size();
}

void ClaimQueue::Run() {
  int64_t seen = -1;  // claims may have come before this thread
  while (true) {
    signal_->WaitBeyond(seen, absl::Now() + kDeadlineCheck, [] { return false; });
    const int64_t now_seen = signal_->count();
    if (now_seen != seen) Serve();
    seen = now_seen;
    bool is_closed = false;
    {
      absl::MutexLock lock(&mutex_);
      is_closed = is_closed_;
    }
    AnswerDue(is_closed ? absl::InfiniteFuture() : absl::Now());
    if (is_closed) return;
  }
}

void ClaimQueue::Serve() {
  int64_t ticket = 0;
  for (auto claim = TakeAfter(&ticket); claim.has_value(); claim = TakeAfter(&ticket)) {
    const int64_t seen = signal_->count();
    const absl::Status status = source_.claim(*claim->request, claim->response);
    const bool is_answer = !status.ok() || claim->response->groups_size() > 0;
    if (!is_answer && PutBack(ticket, &*claim)) {
      // Whoever served what came meanwhile did not find it: it is looked at again.
      if (signal_->count() != seen) --ticket;
      continue;
    }
    {
      absl::MutexLock lock(&mutex_);
      taken_.erase(ticket);
      cancelled_.erase(ticket);
    }
    claim->answer(status);
  }
}

void ClaimQueue::AnswerDue(absl::Time now) {
  for (auto claim = TakeDue(now); claim.has_value(); claim = TakeDue(now)) {
    claim->answer(source_.claim(*claim->request, claim->response));
  }
}

std::optional<WaitingClaim> ClaimQueue::TakeAfter(int64_t* ticket) {
  const std::vector<GroupOffer> offers = source_.offers();
  absl::MutexLock lock(&mutex_);
  const int64_t next = waiting_.NextAfter(*ticket, offers);
  if (next == 0) return std::nullopt;
  *ticket = next;
  taken_.insert(next);
  return waiting_.Take(next);
}

std::optional<WaitingClaim> ClaimQueue::TakeDue(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  return waiting_.Take(waiting_.NextDue(now));
}

bool ClaimQueue::PutBack(int64_t ticket, WaitingClaim* claim) {
  absl::MutexLock lock(&mutex_);
  if (cancelled_.count(ticket) > 0 || is_closed_) return false;
  taken_.erase(ticket);
  waiting_.Add(ticket, std::move(*claim));
  return true;
}

}  // namespace cohort::coordinator
