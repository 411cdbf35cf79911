// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_TORCH_DEVICE_H_
#define COHORT_KERNELS_TORCH_TORCH_DEVICE_H_

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cohort::kernels {

// "cpu" or "cuda:N". INVALID_ARGUMENT for other text, a GPU that is not there, or cuda in a build without it.
absl::StatusOr<c10::Device> ParseDevice(std::string_view text);

// Kind of the processor that computes: the GPU's kind is for the device to say; on CPU the model name of /proc/cpuinfo
// and the instruction set that LibTorch uses. Numerics are bit-equal only within one kind.
std::string DescribeProcessor(std::string_view cpuinfo, std::string_view instruction_set);

// The same of this machine.
std::string ReadProcessor();

// Memory of a GPU, or what this process may use of the machine's; 0 when it cannot be found out.
int64_t ReadMemoryBytes(const c10::Device& device);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_TORCH_DEVICE_H_
