// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ROTARY_TABLE_H_
#define COHORT_MODEL_ROTARY_TABLE_H_

// Shapes: P positions, A = head dim / 2 angles.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "model/model_config.h"

namespace cohort::model {

struct RotaryAngles {
  at::Tensor cos_PA, sin_PA;
};

// Cosines and sines of the rotary angles, fp32 from fp64 angles. Grows with the positions that are asked for: a context
// of 131,072 would take 64 MiB and a second at the start, and sequences are mostly shorter. What a position gets does
// not depend on when it was added. Thread-safe.
class RotaryTable final {
 public:
  RotaryTable(const ModelConfig& config, const at::Device& device);

  // Of positions 0 .. P-1 with P at least `num_positions`, which is at most max_position_embeddings. Throws what
  // LibTorch throws; call through StatusFromTorch.
  RotaryAngles Covering(int64_t num_positions) const ABSL_LOCKS_EXCLUDED(mutex_);

  const at::Device& device() const { return device_; }

 private:
  RotaryAngles Compute(int64_t first_position, int64_t last_position) const;

  const std::vector<double> frequencies_A_;
  const int64_t max_positions_;
  const at::Device device_;
  mutable absl::Mutex mutex_;
  mutable RotaryAngles angles_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_ROTARY_TABLE_H_
