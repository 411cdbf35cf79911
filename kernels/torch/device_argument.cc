// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/device_argument.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/strip.h"
#include "kernels/torch/torch_device.h"

namespace cohort::kernels {

std::optional<BenchmarkDevice> DeviceArgument(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "small") return BenchmarkDevice{.is_small = true};
  if (argc > 1) {
    std::fprintf(stderr, "usage: %s [small]\n", argv[0]);
    std::exit(2);
  }
  const absl::StatusOr<c10::Device> device = ParseDevice("cuda:0");
  if (!device.ok()) {
    const std::string reason(absl::StripPrefix(device.status().message(), "--device: "));
    std::printf("skipped: %s\n", reason.c_str());
    return std::nullopt;
  }
  return BenchmarkDevice{.device = *device};
}

}  // namespace cohort::kernels
