// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_LEARNER_DEVICE_H_
#define COHORT_LEARNER_LEARNER_DEVICE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "learner/trainer.h"

namespace cohort::learner {

// Where a rank computes, and how ranks on such devices talk to each other.
struct LearnerDevice {
  at::Device device = at::kCPU;
  std::string processor;  // kind of processor: numerics are bit-equal only within one kind
  int64_t memory_bytes = 0;
  ProcessGroupFactory create_group;
};

// "cpu" (Gloo) or "cuda:N" (NCCL). INVALID_ARGUMENT for other text; UNAVAILABLE when there is no such GPU or this build
// has no CUDA.
absl::StatusOr<LearnerDevice> ParseLearnerDevice(std::string_view text);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_LEARNER_DEVICE_H_
