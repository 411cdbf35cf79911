// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_TESTING_WAITING_CLOCK_H_
#define COHORT_LEARNER_TESTING_WAITING_CLOCK_H_

#include <c10/core/Device.h>

#include "absl/time/time.h"
#include "common/clock.h"
#include "kernels/torch/device_contest.h"

namespace cohort::learner {

// The machine's clock, read when the device has done all that it was given: with it a PhaseTimer's phases last as long
// as their work does, not as long as it takes to enqueue. The waiting makes a step slower. Throws what LibTorch throws;
// not thread-safe.
class WaitingClock final : public common::Clock {
 public:
  explicit WaitingClock(const c10::Device& device) : device_(device) {}

  absl::Time Now() override { return common::SystemClock()->Now(); }
  absl::Duration Monotonic() override {
    kernels::WaitFor(device_);
    return common::SystemClock()->Monotonic();
  }

 private:
  const c10::Device device_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_TESTING_WAITING_CLOCK_H_
