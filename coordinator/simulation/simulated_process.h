// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_SIMULATED_PROCESS_H_
#define COHORT_COORDINATOR_SIMULATION_SIMULATED_PROCESS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "absl/time/time.h"
#include "coordinator/simulation/event_loop.h"

namespace cohort::coordinator {

// The life of a simulated process: what it has in mind when it dies does not happen, and while it is stopped it happens
// later. Not thread-safe; the loop must outlive it, and it its events.
class SimulatedProcess {
 public:
  explicit SimulatedProcess(EventLoop* loop) : loop_(loop) {}
  virtual ~SimulatedProcess() = default;
  SimulatedProcess(const SimulatedProcess&) = delete;
  SimulatedProcess& operator=(const SimulatedProcess&) = delete;

  // SIGSTOP, and SIGCONT after `duration`.
  void Stop(absl::Duration duration) { stopped_until_ = std::max(stopped_until_, loop_->now() + duration); }
  absl::Duration StoppedFor() const { return std::max(absl::ZeroDuration(), stopped_until_ - loop_->now()); }
  // Counts the processes that there have been.
  int64_t life() const { return life_; }

 protected:
  // Nothing of the present process happens any more.
  void EndLife() {
    ++life_;
    stopped_until_ = absl::ZeroDuration();
  }
  // Runs in the present process, or not at all.
  void Run(int64_t life, const std::function<void()>& event) {
    if (life != life_) return;
    if (StoppedFor() == absl::ZeroDuration()) return event();
    loop_->After(StoppedFor(), [this, life, event] { Run(life, event); });
  }
  void Later(absl::Duration delay, std::function<void()> event) {
    loop_->After(delay, [this, life = life_, event = std::move(event)] { Run(life, event); });
  }
  EventLoop* loop() { return loop_; }

 private:
  EventLoop* const loop_;
  int64_t life_ = 1;
  absl::Duration stopped_until_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_SIMULATED_PROCESS_H_
