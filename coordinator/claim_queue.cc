// SPDX-License-Identifier: Apache-2.0
#include "coordinator/claim_queue.h"

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

int64_t ClaimQueue::Add(cohort::v1::ClaimGroupsRequest request, absl::Time deadline, Answer answer) {
  const int64_t seen = signal_->count();
  bool is_last = absl::Now() >= deadline;
  {
    absl::MutexLock lock(&mutex_);
    is_last = is_last || is_closed_;
  }
  Response response = source_.claim(request);
  if (is_last || !response.ok() || response->groups_size() > 0) {
    answer(std::move(response));
    return 0;
  }
  const absl::StatusOr<int64_t> ticket = Park(std::move(request), deadline, &answer);
  if (!ticket.ok() || *ticket == 0) {
    answer(ticket.ok() ? std::move(response) : ticket.status());
    return 0;
  }
  // What came between the look and now has found nobody waiting.
  if (signal_->count() != seen) Serve();
  return *ticket;
}

absl::StatusOr<int64_t> ClaimQueue::Park(cohort::v1::ClaimGroupsRequest request, absl::Time deadline, Answer* answer) {
  absl::MutexLock lock(&mutex_);
  if (is_closed_) return 0;
  if (static_cast<int64_t>(waiting_.size()) >= kMaxWaiting) {
    return absl::ResourceExhaustedError(absl::StrCat("claims: too many wait (", kMaxWaiting, ")"));
  }
  const int64_t ticket = next_ticket_++;
  deadlines_.emplace(deadline, ticket);
  waiting_[ticket] = {.request = std::move(request), .deadline = deadline, .answer = std::move(*answer)};
  return ticket;
}

void ClaimQueue::Cancel(int64_t ticket) {
  Answer answer;
  {
    absl::MutexLock lock(&mutex_);
    if (taken_.count(ticket) > 0) cancelled_.insert(ticket);
    const auto it = waiting_.find(ticket);
    if (it == waiting_.end()) return;
    deadlines_.erase({it->second.deadline, ticket});
    answer = std::move(it->second.answer);
    waiting_.erase(it);
  }
  answer(absl::CancelledError("the worker hung up"));
}

void ClaimQueue::Close() {
  absl::MutexLock lock(&mutex_);
  is_closed_ = true;
}

int64_t ClaimQueue::NumWaiting() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int64_t>(waiting_.size());
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
  Waiting waiting;
  for (int64_t ticket = 0; source_.has_groups() && TakeAfter(&ticket, &waiting);) {
    const int64_t seen = signal_->count();
    Response response = source_.claim(waiting.request);
    const bool is_answer = !response.ok() || response->groups_size() > 0;
    if (!is_answer && PutBack(ticket, &waiting)) {
      // Whoever served what came meanwhile did not find it: it is looked at again.
      if (signal_->count() != seen) --ticket;
      continue;
    }
    {
      absl::MutexLock lock(&mutex_);
      taken_.erase(ticket);
      cancelled_.erase(ticket);
    }
    waiting.answer(std::move(response));
  }
}

void ClaimQueue::AnswerDue(absl::Time now) {
  Waiting waiting;
  while (TakeDue(now, &waiting)) waiting.answer(source_.claim(waiting.request));
}

bool ClaimQueue::TakeAfter(int64_t* ticket, Waiting* taken) {
  absl::MutexLock lock(&mutex_);
  const auto it = waiting_.upper_bound(*ticket);
  if (it == waiting_.end()) return false;
  *ticket = it->first;
  *taken = std::move(it->second);
  deadlines_.erase({taken->deadline, *ticket});
  waiting_.erase(it);
  taken_.insert(*ticket);
  return true;
}

bool ClaimQueue::TakeDue(absl::Time now, Waiting* taken) {
  absl::MutexLock lock(&mutex_);
  if (deadlines_.empty() || deadlines_.begin()->first > now) return false;
  const auto it = waiting_.find(deadlines_.begin()->second);
  deadlines_.erase(deadlines_.begin());
  *taken = std::move(it->second);
  waiting_.erase(it);
  return true;
}

bool ClaimQueue::PutBack(int64_t ticket, Waiting* waiting) {
  absl::MutexLock lock(&mutex_);
  if (cancelled_.count(ticket) > 0 || is_closed_) return false;
  taken_.erase(ticket);
  deadlines_.emplace(waiting->deadline, ticket);
  waiting_[ticket] = std::move(*waiting);
  return true;
}

}  // namespace cohort::coordinator
