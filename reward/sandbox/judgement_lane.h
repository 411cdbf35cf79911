// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SANDBOX_JUDGEMENT_LANE_H_
#define COHORT_REWARD_SANDBOX_JUDGEMENT_LANE_H_

#include <chrono>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "cohort/v1/rollout.pb.h"
#include "reward/sandbox/frame.h"
#include "reward/sandbox/zygote.h"

namespace cohort::reward {

// One verifier's work on one completion, and what came of it.
struct Judgement {
  FrameKind kind = FrameKind::kJudge;  // or kCheckGold
  int verifier = 0;                    // index in the spec
  std::string_view completion;         // must outlive the run
  std::chrono::milliseconds deadline{0};
  int num_attempts = 0;
  int num_timeouts = 0;  // attempts that ran past the deadline
  cohort::v1::Score score;
};

// One child and the judgements it is given, from the parent's side: sends them in one go, takes the scores as they
// come, knows which one is in progress and since when. Never blocks; the owner polls. Not thread-safe. The judgements
// must outlive the lane.
class JudgementLane final {
 public:
  using Clock = std::chrono::steady_clock;  // deadlines of processes are real time

  // `problem` is the serialized Problem, kept for every child the lane gets.
  JudgementLane(const SandboxChild& child, std::string_view problem) : child_(child), problem_(problem) {}

  const SandboxChild& child() const { return child_; }
  bool is_idle() const { return in_flight_.empty(); }
  bool wants_write() const { return sent_ < outbound_.size(); }
  // When the judgement in progress is out of time. Must not be idle.
  Clock::time_point deadline() const { return progress_ + in_flight_.front()->deadline; }

  // Queues work and the frames for it.
  void Add(const std::vector<Judgement*>& judgements);

  enum class State {
    kHealthy,
    kSpent,    // the child says that it must not be used again; its last score was taken
    kEnded,    // the child closed the socket: the judgement in progress has no score
    kOverdue,  // so has this one, and the child still runs
    kGarbage,  // and here the child sent what is no score
  };
  // Writes and reads what can be without waiting. Judgements that got a score leave the lane through *finished, in
  // order.
  State Advance(std::vector<Judgement*>* finished);

  // Takes another child and forgets everything about the old one. The judgements in flight are returned, in order,
  // unscored.
  std::vector<Judgement*> ReplaceChild(const SandboxChild& child);

 private:
  void Write();
  // Takes whole frames; kHealthy when more bytes are needed.
  State TakeScores(std::vector<Judgement*>* finished);

  static constexpr size_t kMaxScoreBytes = 1 << 20;

  SandboxChild child_;
  const std::string_view problem_;
  bool has_sent_problem_ = false;
  std::string outbound_;
  size_t sent_ = 0;
  FrameReader reader_{kMaxScoreBytes};
  std::deque<Judgement*> in_flight_;
  Clock::time_point progress_;  // when the judgement in progress started, or bytes towards it were still being written
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SANDBOX_JUDGEMENT_LANE_H_
