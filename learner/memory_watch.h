// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_MEMORY_WATCH_H_
#define COHORT_LEARNER_MEMORY_WATCH_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/torch/tensor_memory.h"
#include "model/architectures/parameter_spec.h"
#include "model/memory_estimate.h"
#include "model/model_config.h"

namespace cohort::learner {

// What one rank's train steps take in memory, beside what they should. Not thread-safe; `tensors` must outlive it.
class MemoryWatch final {
 public:
  // Of the step that took most.
  struct Peak {
    int64_t measured_bytes = 0;   // of tensors on the rank's device, what lived before the step included
    int64_t predicted_bytes = 0;  // by model/memory_estimate.h for the step's largest microbatch
    int64_t microbatch_tokens = 0;
  };

  // `load` is what the job allows at most. The architecture of `config` is known.
  MemoryWatch(const model::ModelConfig& config, const model::LearnerLoad& load, kernels::TensorMemory* tensors);

  void BeginStep() { tensors_->Restart(); }
  // `microbatch_tokens` of the step's largest microbatch, 0 when this rank had none; `copied_bytes` of tensors on the
  // device that are no part of training, but of a checkpoint.
  void EndStep(int64_t microbatch_tokens, int64_t copied_bytes);

  const Peak& peak() const { return peak_; }
  // Predicted for the fullest microbatch that the job allows.
  int64_t most_bytes() const { return most_bytes_; }
  // A line with both, once there was a step.
  void Log(std::string_view job, int rank, int64_t policy_version) const;

 private:
  int64_t PredictedBytes(int64_t microbatch_tokens) const;

  const model::ModelConfig config_;
  const std::vector<model::ParameterSpec> parameters_;
  const model::LearnerLoad load_;
  kernels::TensorMemory* const tensors_;
  const int64_t most_bytes_;
  Peak peak_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_MEMORY_WATCH_H_
