// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/torch_device.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/machine_memory.h"
#include "kernels/torch/torch_status.h"

namespace cohort::kernels {

absl::StatusOr<c10::Device> ParseDevice(std::string_view text) {
  constexpr std::string_view kCudaPrefix = "cuda:";
  if (text == "cpu") return c10::Device(c10::kCPU);
  int index = 0;
  const bool is_cuda = text.substr(0, kCudaPrefix.size()) == kCudaPrefix;
  const std::string number(is_cuda ? text.substr(kCudaPrefix.size()) : "");
  if (!is_cuda || !absl::SimpleAtoi(number, &index) || index < 0) {
    return absl::InvalidArgumentError(absl::StrCat("--device: must be cpu or cuda:N (", std::string(text), ")"));
  }
  if (!at::hasCUDA()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--device: this build has no CUDA, or the machine no GPU; build with --config=cuda or use cpu (",
                     std::string(text), ")"));
  }
  const int num_devices = at::detail::getCUDAHooks().getNumGPUs();
  if (index >= num_devices) {
    return absl::InvalidArgumentError(
        absl::StrCat("--device: the machine has ", num_devices, " GPUs (", std::string(text), ")"));
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
}

std::string DescribeProcessor(std::string_view cpuinfo, std::string_view instruction_set) {
  std::string name = "unknown processor";
  constexpr std::string_view kKey = "model name";
  const size_t key = cpuinfo.find(kKey);
  if (key != std::string_view::npos) {
    const size_t colon = cpuinfo.find(':', key);
    const size_t end = cpuinfo.find('\n', key);
    if (colon < end) {
      const size_t start = cpuinfo.find_first_not_of(" \t", colon + 1);
      name = std::string(cpuinfo.substr(start, end == std::string_view::npos ? end : end - start));
    }
  }
  return absl::StrCat(name, " / ", std::string(instruction_set));
}

std::string ReadProcessor() {
  const absl::StatusOr<std::string> cpuinfo = common::ReadFile("/proc/cpuinfo");
  return DescribeProcessor(cpuinfo.ok() ? *cpuinfo : "", at::get_cpu_capability());
}

int64_t ReadMemoryBytes(const c10::Device& device) {
  if (device.is_cpu()) return common::MachineMemoryBytes();
  int64_t bytes = 0;
  // Whatever keeps it from telling will keep it from computing, by name.
  (void)StatusFromTorch("device memory", [&] {
    at::globalContext().lazyInitDevice(device.type());
    bytes = static_cast<int64_t>(c10::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).second);
    return absl::OkStatus();
  });
  return bytes;
}

}  // namespace cohort::kernels
