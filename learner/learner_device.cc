// SPDX-License-Identifier: Apache-2.0
#include "learner/learner_device.h"

#include "common/status_macros.h"
#include "kernels/torch/torch_device.h"
#include "model/parallel/process_group.h"

namespace cohort::learner {

absl::StatusOr<LearnerDevice> ParseLearnerDevice(std::string_view text) {
  LearnerDevice result;
  COHORT_ASSIGN_OR_RETURN(result.device, kernels::ParseDevice(text));
  result.processor = kernels::ReadProcessor();
  result.memory_bytes = kernels::ReadMemoryBytes(result.device);
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
