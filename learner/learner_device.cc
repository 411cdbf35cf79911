// SPDX-License-Identifier: Apache-2.0
#include "learner/learner_device.h"

#include <ATen/Context.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"

namespace cohort::learner {
namespace {

// "model name" of /proc/cpuinfo and the instruction set that matrix products run with.
std::string ProcessorKind() {
  const absl::StatusOr<std::string> text = common::ReadFile("/proc/cpuinfo");
  std::string name = "unknown processor";
  const size_t key = text.ok() ? text->find("model name") : std::string::npos;
  if (key != std::string::npos) {
    const size_t start = text->find_first_not_of(" \t", text->find(':', key) + 1);
    name = text->substr(start, text->find('\n', start) - start);
  }
  return absl::StrCat(name, " / ", at::get_cpu_capability());
}

absl::StatusOr<at::Device> ParseDevice(std::string_view text_view) {
  const std::string text(text_view);
  if (text == "cpu") return at::Device(at::kCPU);
  int index = 0;
  if (text.rfind("cuda:", 0) != 0 || !absl::SimpleAtoi(text.substr(5), &index) || index < 0) {
    return absl::InvalidArgumentError(absl::StrCat("--device: must be cpu or cuda:N (", text, ")"));
  }
  if (!at::hasCUDA()) {
    return absl::UnavailableError(absl::StrCat(
        "--device: this build has no CUDA (build with --config=cuda), or the machine no GPU (", text, ")"));
  }
  const int num_gpus = at::detail::getCUDAHooks().getNumGPUs();
  if (index >= num_gpus) {
    return absl::UnavailableError(absl::StrCat("--device: the machine has ", num_gpus, " GPUs (", text, ")"));
  }
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

}  // namespace

absl::StatusOr<LearnerDevice> ParseLearnerDevice(std::string_view text) {
  LearnerDevice result;
  COHORT_ASSIGN_OR_RETURN(result.device, ParseDevice(text));
  result.processor = ProcessorKind();
  if (result.device.is_cpu()) {
    result.create_group = model::CreateGlooProcessGroup;
  } else {
    result.create_group = [device = result.device](const model::ProcessGroupOptions& options) {
      return model::CreateNcclProcessGroup(options, device);
    };
  }
  return result;
}

}  // namespace cohort::learner
