// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SIMULATION_EVENT_LOOP_H_
#define COHORT_COORDINATOR_SIMULATION_EVENT_LOOP_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/testing/simulated_clock.h"

namespace cohort::coordinator {

// Everything that is to happen in a simulation, in order of simulated time; what is due at the same time happens in the
// order in which it was added. Time passes only here. Not thread-safe; the clock must outlive it.
class EventLoop final {
 public:
  explicit EventLoop(common::SimulatedClock* clock) : clock_(clock) {}

  absl::Duration now() const { return now_; }
  int64_t num_events() const { return next_number_; }
  common::SimulatedClock* clock() { return clock_; }
  void After(absl::Duration delay, std::function<void()> event) {
    events_.push_back({now_ + delay, next_number_++, std::move(event)});
    std::push_heap(events_.begin(), events_.end(), IsLater);
  }
  // Lets the next event happen; false when there is none.
  bool RunOne() {
    if (events_.empty()) return false;
    std::pop_heap(events_.begin(), events_.end(), IsLater);
    const Event event = std::move(events_.back());
    events_.pop_back();
    clock_->Advance(event.time - now_);
    now_ = event.time;
    event.run();
    return true;
  }

 private:
  struct Event {
    absl::Duration time;
    int64_t number = 0;
    std::function<void()> run;
  };
  static bool IsLater(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.number > b.number;
  }

  common::SimulatedClock* const clock_;
  absl::Duration now_;
  int64_t next_number_ = 0;
  std::vector<Event> events_;  // a heap
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SIMULATION_EVENT_LOOP_H_
