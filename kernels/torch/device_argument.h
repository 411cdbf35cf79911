// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_DEVICE_ARGUMENT_H_
#define COHORT_KERNELS_TORCH_DEVICE_ARGUMENT_H_

#include <c10/core/Device.h>

#include <optional>

namespace cohort::kernels {

// Where a benchmark for GPUs runs, by its command line.
struct BenchmarkDevice {
  c10::Device device = c10::Device(c10::kCPU);
  bool is_small = false;  // tiny shapes on the CPU, which try the benchmark itself out; the times say nothing
};

// Without an argument the first GPU; nullopt, and one line that says why, where there is none. `small`: the CPU. Exits
// with a message on anything else.
std::optional<BenchmarkDevice> DeviceArgument(int argc, char** argv);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_DEVICE_ARGUMENT_H_
