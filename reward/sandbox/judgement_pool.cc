// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/judgement_pool.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "reward/sandbox/child_limits.h"
#include "reward/score.h"

namespace cohort::reward {
namespace {

using Clock = JudgementLane::Clock;

constexpr int kMaxAttempts = 2;

std::string DescribeEnd(int wait_status) {
  if (WIFSIGNALED(wait_status)) return absl::StrCat("the verifier was killed by signal ", WTERMSIG(wait_status));
  if (WEXITSTATUS(wait_status) == kChildOutOfMemory) return "the verifier ran out of its memory limit";
  return absl::StrCat("the verifier exited with status ", WEXITSTATUS(wait_status));
}

// An idle child says nothing: a byte or the end of the stream means that it is of no use any more.
bool IsAlive(const SandboxChild& child) {
  char byte;
  return recv(child.socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

// Milliseconds until the first deadline, rounded up; -1 when every lane is idle.
int PollTimeout(Clock::time_point earliest) {
  if (earliest == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(earliest - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60000));
}

}  // namespace

absl::StatusOr<std::unique_ptr<JudgementPool>> JudgementPool::Create(Zygote* zygote, Zygote::ChildMain child_main,
                                                                     const cohort::v1::RewardSpec& spec,
                                                                     int num_children) {
  std::string spec_frame;
  AppendFrame({FrameKind::kSpec, 0, spec.SerializeAsString()}, &spec_frame);
  std::unique_ptr<JudgementPool> pool(new JudgementPool(zygote, child_main, std::move(spec_frame), num_children));
  for (int i = 0; i < num_children + 1; ++i) {
    COHORT_ASSIGN_OR_RETURN(const SandboxChild child, pool->Fork());
    absl::MutexLock lock(&pool->mutex_);
    pool->idle_.push_back(child);
  }
  return pool;
}

JudgementPool::~JudgementPool() {
  absl::MutexLock lock(&mutex_);
  for (const SandboxChild& child : idle_) zygote_->Finish(child).IgnoreError();
}

absl::Status JudgementPool::Run(const cohort::v1::Problem& problem, std::vector<Judgement>* judgements) {
  if (judgements->empty()) return absl::OkStatus();
  const std::string problem_bytes = problem.SerializeAsString();
  COHORT_ASSIGN_OR_RETURN(const std::vector<SandboxChild> children, Acquire(judgements->size()));
  std::vector<Work> works;
  for (const SandboxChild& child : children) works.push_back({JudgementLane(child, problem_bytes), {}});
  for (size_t i = 0; i < works.size(); ++i) {
    std::vector<Judgement*> share;
    const size_t end = (i + 1) * judgements->size() / works.size();
    for (size_t at = i * judgements->size() / works.size(); at < end; ++at) share.push_back(&(*judgements)[at]);
    works[i].lane.Add(share);
  }
  const absl::Status status = RunLanes(&works);
  Release(works);
  return status;
}

absl::Status JudgementPool::RunLanes(std::vector<Work>* works) {
  std::vector<pollfd> fds(works->size());
  while (true) {
    Clock::time_point earliest = Clock::time_point::max();
    for (size_t i = 0; i < works->size(); ++i) {
      const JudgementLane& lane = (*works)[i].lane;
      fds[i] = {lane.is_idle() ? -1 : lane.child().socket,
                static_cast<short>(lane.wants_write() ? POLLIN | POLLOUT : POLLIN), 0};
      if (!lane.is_idle()) earliest = std::min(earliest, lane.deadline());
    }
    if (earliest == Clock::time_point::max()) return absl::OkStatus();
    poll(fds.data(), fds.size(), PollTimeout(earliest));
    for (Work& work : *works) {
      if (!work.lane.is_idle()) COHORT_RETURN_IF_ERROR(AdvanceLane(&work));
    }
  }
}

absl::Status JudgementPool::AdvanceLane(Work* work) {
  std::vector<Judgement*> finished;
  const JudgementLane::State state = work->lane.Advance(&finished);
  for (Judgement* judgement : finished) Settle(judgement, work);
  if (state != JudgementLane::State::kHealthy) COHORT_RETURN_IF_ERROR(HandleFault(state, work));
  if (work->lane.is_idle() && !work->retries.empty()) {
    work->lane.ReplaceChild(Exchange(work->lane.child()));
    work->lane.Add(std::exchange(work->retries, {}));
  }
  return absl::OkStatus();
}

// The judgement in progress is to blame, the ones behind it were not looked at.
absl::Status JudgementPool::HandleFault(JudgementLane::State state, Work* work) {
  std::string how;
  const SandboxChild old_child = work->lane.child();
  std::vector<Judgement*> rest = work->lane.ReplaceChild(SandboxChild());
  COHORT_ASSIGN_OR_RETURN(const SandboxChild child, Replace(old_child, &how));
  work->lane.ReplaceChild(child);
  if (state != JudgementLane::State::kSpent && !rest.empty()) {
    Judgement* const judgement = rest.front();
    rest.erase(rest.begin());
    if (state == JudgementLane::State::kOverdue) {
      ++judgement->num_timeouts;
      how = absl::StrCat("no verdict within the deadline of ", judgement->deadline.count(), " ms");
    } else if (state == JudgementLane::State::kGarbage) {
      how = "the verifier sent something that is no score";
    }
    judgement->score = NoVerdictScore(how);
    if (state == JudgementLane::State::kOverdue) {
      judgement->score.mutable_elapsed()->set_seconds(judgement->deadline.count() / 1000);
      judgement->score.mutable_elapsed()->set_nanos(static_cast<int32_t>(judgement->deadline.count() % 1000 * 1000000));
    }
    Settle(judgement, work);
  }
  if (!rest.empty()) work->lane.Add(rest);
  return absl::OkStatus();
}

void JudgementPool::Settle(Judgement* judgement, Work* work) {
  ++judgement->num_attempts;
  const bool has_verdict = judgement->score.outcome() != cohort::v1::SCORE_OUTCOME_NO_VERDICT;
  if (!has_verdict && judgement->num_attempts < kMaxAttempts) work->retries.push_back(judgement);
}

absl::StatusOr<SandboxChild> JudgementPool::Fork() {
  COHORT_ASSIGN_OR_RETURN(const SandboxChild child, zygote_->Fork(child_main_));
  // An empty socket takes a spec of any reasonable size at once. What a failed send leaves out shows as the child's
  // end.
  const ssize_t size = send(child.socket, spec_frame_.data(), spec_frame_.size(), MSG_NOSIGNAL);
  if (size == static_cast<ssize_t>(spec_frame_.size())) return child;
  zygote_->Finish(child).IgnoreError();
  return absl::UnavailableError(
      absl::StrCat("verifier child: the reward spec of ", spec_frame_.size(), " bytes could not be sent to it"));
}

absl::StatusOr<std::vector<SandboxChild>> JudgementPool::Acquire(size_t max) {
  ReplaceDead();
  std::vector<SandboxChild> children;
  {
    absl::MutexLock lock(&mutex_, absl::Condition(this, &JudgementPool::HasCapacity));
    while (children.size() < max && HasCapacity() && !idle_.empty()) {
      children.push_back(idle_.front());
      idle_.pop_front();
      ++num_in_use_;
    }
    if (!children.empty()) return children;
    ++num_in_use_;  // an earlier fork failed; the one below takes its place
  }
  const absl::StatusOr<SandboxChild> child = Fork();
  if (child.ok()) return std::vector<SandboxChild>{*child};
  absl::MutexLock lock(&mutex_);
  --num_in_use_;
  return child.status();
}

void JudgementPool::Release(const std::vector<Work>& works) {
  absl::MutexLock lock(&mutex_);
  for (const Work& work : works) {
    --num_in_use_;
    if (work.lane.child().pid <= 0) continue;
    if (work.lane.is_idle()) {
      idle_.push_back(work.lane.child());
    } else {
      zygote_->Finish(work.lane.child()).IgnoreError();
    }
  }
}

absl::StatusOr<SandboxChild> JudgementPool::Replace(const SandboxChild& child, std::string* how) {
  COHORT_ASSIGN_OR_RETURN(const int wait_status, zygote_->Finish(child));
  *how = DescribeEnd(wait_status);
  COHORT_ASSIGN_OR_RETURN(const SandboxChild spare, Fork());
  return Exchange(spare);
}

void JudgementPool::ReplaceDead() {
  std::vector<SandboxChild> dead;
  {
    absl::MutexLock lock(&mutex_);
    const auto first_dead = std::stable_partition(idle_.begin(), idle_.end(), IsAlive);
    dead.assign(first_dead, idle_.end());
    idle_.erase(first_dead, idle_.end());
  }
  for (const SandboxChild& child : dead) {
    zygote_->Finish(child).IgnoreError();
    const absl::StatusOr<SandboxChild> fresh = Fork();
    if (!fresh.ok()) continue;  // Acquire tries again
    absl::MutexLock lock(&mutex_);
    idle_.push_back(*fresh);
  }
}

SandboxChild JudgementPool::Exchange(const SandboxChild& child) {
  ReplaceDead();
  absl::MutexLock lock(&mutex_);
  idle_.push_back(child);
  const SandboxChild other = idle_.front();
  idle_.pop_front();
  return other;
}

}  // namespace cohort::reward
