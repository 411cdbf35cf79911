// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_DEVICE_CONTEST_H_
#define COHORT_KERNELS_TORCH_DEVICE_CONTEST_H_

// side_by_side.h for tensors on a device, timed by the device's own events on its current stream; on the CPU by the
// wall clock, so that small sizes try a benchmark out where there is no device. Not thread-safe; the functions throw
// what LibTorch throws.
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/side_by_side.h"
#include "kernels/torch/wall_budget.h"

namespace cohort::kernels {

// Returns when the device has done all that its current stream was given.
void WaitFor(const c10::Device& device);

// Gives back the memory that the device's allocator keeps for later tensors. Nothing on the CPU.
void ReleaseCachedMemory(const c10::Device& device);

// Of one call: from when the device begins with what it enqueues, or would, until the device is done with it.
double SecondsOn(const c10::Device& device, const std::function<void()>& call);

struct DeviceTurns {
  std::vector<std::vector<double>> seconds;  // [way][round]
  bool is_cut = false;                       // fewer rounds than asked for, because the budget was spent
};

// The ways take turns, one call each a round, until there are `most_rounds` rounds or the budget is spent; at least one
// round. No call is a warm-up: make one of each before.
DeviceTurns TimeInTurnsOn(const c10::Device& device, const std::vector<std::function<void()>>& ways, int most_rounds,
                          const WallBudget& budget);

// A bf16 product of two square matrices of random numbers, `size` a side. 8,192 keep a large GPU busy. Work is
// floating-point operations.
Yardstick DeviceProduct(const c10::Device& device, int64_t size);
// A copy of `num_bytes` on the device, which should be more than its caches hold. Work is bytes read and written.
Yardstick DeviceCopy(const c10::Device& device, int64_t num_bytes);

// RunContest for a contest on a device, which has a yardstick: results first, then ours, peer and the yardstick in up
// to nine rounds. The line also says what each side's tensors took at most above those that lived before, and how many
// rounds there were where the budget cut them. False, and no time, when ours is not accepted.
bool RunContestOn(const c10::Device& device, const Contest& contest, const WallBudget& budget);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_DEVICE_CONTEST_H_
