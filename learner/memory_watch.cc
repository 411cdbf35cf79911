// SPDX-License-Identifier: Apache-2.0
#include "learner/memory_watch.h"

#include "common/machine_memory.h"
#include "common/telemetry/log.h"
#include "model/architectures/architecture_table.h"

namespace cohort::learner {

MemoryWatch::MemoryWatch(const model::ModelConfig& config, const model::LearnerLoad& load,
                         kernels::TensorMemory* tensors)
    : config_(config),
      parameters_(model::FindArchitecture(config.architecture)->parameters(config)),
      load_(load),
      tensors_(tensors),
      most_bytes_(PredictedBytes(load.microbatch_tokens)) {}

int64_t MemoryWatch::PredictedBytes(int64_t microbatch_tokens) const {
  model::LearnerLoad load = load_;
  load.microbatch_tokens = microbatch_tokens;
  return model::EstimateLearnerMemory(config_, parameters_, load).total;
}

void MemoryWatch::EndStep(int64_t microbatch_tokens, int64_t copied_bytes) {
  const int64_t measured_bytes = tensors_->peak_bytes();
  if (measured_bytes <= peak_.measured_bytes) return;
  peak_ = {.measured_bytes = measured_bytes,
           .predicted_bytes = PredictedBytes(microbatch_tokens) + copied_bytes,
           .microbatch_tokens = microbatch_tokens};
}

void MemoryWatch::Log(std::string_view job, int rank, int64_t policy_version) const {
  if (peak_.measured_bytes == 0) return;
  log::Info("memory measured",
            {{"job", job},
             {"rank", rank},
             {"policy_version", policy_version},
             {"predicted_bytes", peak_.predicted_bytes},
             {"peak_tensor_bytes", peak_.measured_bytes},
             {"ratio", static_cast<double>(peak_.measured_bytes) / static_cast<double>(peak_.predicted_bytes)},
             {"microbatch_tokens", peak_.microbatch_tokens},
             {"most_predicted_bytes", most_bytes_},
             {"peak_resident_bytes", common::PeakResidentBytes()}});
}

}  // namespace cohort::learner
