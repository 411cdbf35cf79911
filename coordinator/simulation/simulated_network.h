// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_SIMULATED_NETWORK_H_
#define COHORT_COORDINATOR_SIMULATION_SIMULATED_NETWORK_H_

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/testing/seeded_random.h"
#include "coordinator/simulation/event_loop.h"
#include "coordinator/simulation/schedule.h"
#include "coordinator/simulation/simulated_coordinator.h"

namespace cohort::coordinator {

// A call as the coordinator sees it.
struct CallView {
  bool is_first = true;  // false: looked at again, as long as it waits for something
  bool is_last = false;  // its time is over, or its caller is gone: it must be answered now
};

// Calls of the coordinator as messages: lost on the way there or back, served twice, overtaken, answered after the
// process that served them has died. Not thread-safe; the dependencies must outlive it.
class SimulatedNetwork final {
 public:
  SimulatedNetwork(EventLoop* loop, common::SeededRandom* random, SimulatedCoordinator* coordinator,
                   const Schedule* schedule)
      : loop_(loop), random_(random), coordinator_(coordinator), schedule_(schedule) {}

  // From now on every call arrives, once.
  void Heal() { is_healed_ = true; }

  // `serve` answers, or nullopt while there is nothing to say yet. `answer` is called once: with the answer,
  // UNAVAILABLE when the coordinator is away or dies, or DEADLINE_EXCEEDED.
  template <typename Answer>
  void Call(absl::Duration wait, std::function<bool()> is_caller_there,
            std::function<std::optional<absl::StatusOr<Answer>>(Coordinator&, const CallView&)> serve,
            std::function<void(absl::StatusOr<Answer>)> answer) {
    auto call = std::make_shared<PendingCall<Answer>>();
    call->is_caller_there = std::move(is_caller_there);
    call->serve = std::move(serve);
    call->answer = std::move(answer);
    loop_->After(wait + kTimeout,
                 [call] { Finish<Answer>(call, absl::DeadlineExceededError("the call took too long")); });
    const int num_copies = IsHit(schedule_->duplicated_calls) ? 2 : 1;
    for (int copy = 0; copy < num_copies; ++copy) {
      if (IsHit(schedule_->lost_calls / 2)) continue;
      loop_->After(Latency(), [this, call, wait] { Arrive(call, loop_->now() + wait, {}); });
    }
  }

 private:
  static constexpr absl::Duration kTimeout = absl::Seconds(4);
  static constexpr absl::Duration kLook = absl::Milliseconds(250);

  template <typename Answer>
  struct PendingCall {
    std::function<bool()> is_caller_there;
    std::function<std::optional<absl::StatusOr<Answer>>(Coordinator&, const CallView&)> serve;
    std::function<void(absl::StatusOr<Answer>)> answer;
    bool is_finished = false;
  };

  template <typename Answer>
  static void Finish(const std::shared_ptr<PendingCall<Answer>>& call, absl::StatusOr<Answer> answer) {
    if (std::exchange(call->is_finished, true)) return;
    call->answer(std::move(answer));
  }

  template <typename Answer>
  void Arrive(const std::shared_ptr<PendingCall<Answer>>& call, absl::Duration end, CallView view) {
    const absl::Duration stopped = coordinator_->StoppedFor();
    if (stopped > absl::ZeroDuration()) {
      loop_->After(stopped, [this, call, end, view] { Arrive(call, end, view); });
      return;
    }
    if (coordinator_->get() == nullptr) return Reply<Answer>(call, absl::UnavailableError("connection refused"));
    const int64_t life = coordinator_->life();
    view.is_last = loop_->now() >= end || !call->is_caller_there();
    auto answer = call->serve(*coordinator_->get(), view);
    if (!coordinator_->IsAlive()) return Reply<Answer>(call, absl::UnavailableError("connection reset"));
    if (!answer.has_value()) {
      loop_->After(kLook, [this, call, end, life] {
        if (coordinator_->life() == life) return Arrive(call, end, {.is_first = false});
        Reply<Answer>(call, absl::UnavailableError("connection reset"));
      });
      return;
    }
    if (!IsHit(schedule_->lost_calls / 2)) Reply(call, *std::move(answer));
  }

  template <typename Answer>
  void Reply(const std::shared_ptr<PendingCall<Answer>>& call, absl::StatusOr<Answer> answer) {
    loop_->After(Latency(), [call, answer = std::move(answer)]() mutable { Finish(call, std::move(answer)); });
  }

  bool IsHit(int64_t per_mille) { return !is_healed_ && random_->Chance(per_mille); }
  absl::Duration Latency() {
    const int64_t slowest = IsHit(schedule_->slow_calls) ? 15000 : 20;
    return absl::Milliseconds(random_->Between(1, slowest));
  }

  EventLoop* const loop_;
  common::SeededRandom* const random_;
  SimulatedCoordinator* const coordinator_;
  const Schedule* const schedule_;
  bool is_healed_ = false;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_SIMULATED_NETWORK_H_
