// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/judgement_lane.h"

#include <sys/socket.h>

#include <cerrno>
#include <optional>

namespace cohort::reward {

void JudgementLane::Add(const std::vector<Judgement*>& judgements) {
  if (in_flight_.empty()) progress_ = Clock::now();
  if (!has_sent_problem_) AppendFrame({FrameKind::kProblem, 0, problem_}, &outbound_);
  has_sent_problem_ = true;
  for (Judgement* judgement : judgements) {
    AppendFrame({judgement->kind, static_cast<uint16_t>(judgement->verifier), judgement->completion}, &outbound_);
    in_flight_.push_back(judgement);
  }
}

JudgementLane::State JudgementLane::Advance(std::vector<Judgement*>* finished) {
  Write();
  while (true) {
    const ssize_t size = reader_.ReadFrom(child_.socket);
    const int error = errno;
    const State state = TakeScores(finished);
    if (state != State::kHealthy) return state;
    if (size > 0 || (size < 0 && error == EINTR)) continue;
    if (size == 0 || error != EAGAIN) return State::kEnded;
    return !is_idle() && Clock::now() >= deadline() ? State::kOverdue : State::kHealthy;
  }
}

std::vector<Judgement*> JudgementLane::ReplaceChild(const SandboxChild& child) {
  std::vector<Judgement*> rest(in_flight_.begin(), in_flight_.end());
  in_flight_.clear();
  child_ = child;
  has_sent_problem_ = false;
  outbound_.clear();
  sent_ = 0;
  reader_ = FrameReader(kMaxScoreBytes);
  return rest;
}

void JudgementLane::Write() {
  while (wants_write()) {
    const ssize_t size = send(child_.socket, outbound_.data() + sent_, outbound_.size() - sent_, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return;  // full, or the child is gone: reading tells
    sent_ += static_cast<size_t>(size);
    progress_ = Clock::now();
  }
  outbound_.clear();
  sent_ = 0;
}

JudgementLane::State JudgementLane::TakeScores(std::vector<Judgement*>* finished) {
  while (const std::optional<Frame> frame = reader_.Next()) {
    if (is_idle() || frame->kind != FrameKind::kScore) return State::kGarbage;
    Judgement* judgement = in_flight_.front();
    if (!judgement->score.ParseFromArray(frame->payload.data(), static_cast<int>(frame->payload.size()))) {
      return State::kGarbage;
    }
    in_flight_.pop_front();
    progress_ = Clock::now();
    finished->push_back(judgement);
    if (frame->argument != 0) return State::kSpent;
  }
  return reader_.is_broken() ? State::kGarbage : State::kHealthy;
}

}  // namespace cohort::reward
