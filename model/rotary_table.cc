// SPDX-License-Identifier: Apache-2.0
#include "model/rotary_table.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "model/rotary_frequencies.h"

namespace cohort::model {
namespace {

constexpr int64_t kMinPositions = 1024;

}  // namespace

RotaryTable::RotaryTable(const ModelConfig& config, const at::Device& device)
    : frequencies_A_(RotaryFrequencies(config)), max_positions_(config.max_position_embeddings), device_(device) {
  angles_ = Compute(0, std::min(kMinPositions, max_positions_));
}

RotaryAngles RotaryTable::Covering(int64_t num_positions) const {
  const absl::MutexLock lock(&mutex_);
  const int64_t computed = angles_.cos_PA.size(0);
  if (num_positions > computed) {
    const RotaryAngles more = Compute(computed, std::min(max_positions_, std::max(num_positions, 2 * computed)));
    angles_ = {at::cat({angles_.cos_PA, more.cos_PA}), at::cat({angles_.sin_PA, more.sin_PA})};
  }
  return angles_;
}

RotaryAngles RotaryTable::Compute(int64_t first_position, int64_t last_position) const {
  const auto num_angles = static_cast<int64_t>(frequencies_A_.size());
  const int64_t num_positions = last_position - first_position;
  at::Tensor cos = at::empty({num_positions, num_angles}, at::kFloat);
  at::Tensor sin = at::empty({num_positions, num_angles}, at::kFloat);
  float* cos_values = cos.mutable_data_ptr<float>();
  float* sin_values = sin.mutable_data_ptr<float>();
  for (int64_t p = 0; p < num_positions; ++p) {
    for (int64_t a = 0; a < num_angles; ++a) {
      const double angle = static_cast<double>(first_position + p) * frequencies_A_[a];
      cos_values[p * num_angles + a] = static_cast<float>(std::cos(angle));
      sin_values[p * num_angles + a] = static_cast<float>(std::sin(angle));
    }
  }
  return {cos.to(device_), sin.to(device_)};
}

}  // namespace cohort::model
