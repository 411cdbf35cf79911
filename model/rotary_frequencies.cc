// SPDX-License-Identifier: Apache-2.0
#include "model/rotary_frequencies.h"

#include <cmath>
#include <cstdint>

namespace cohort::model {
namespace {

double ScaleFrequency(double frequency, const Llama3RopeScaling& scaling) {
  const double context = static_cast<double>(scaling.original_max_position_embeddings);
  const double wavelength = 2.0 * M_PI / frequency;
  if (wavelength < context / scaling.high_freq_factor) return frequency;
  if (wavelength > context / scaling.low_freq_factor) return frequency / scaling.factor;
  const double kept =
      (context / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1.0 - kept) * frequency / scaling.factor + kept * frequency;
}

}  // namespace

std::vector<double> RotaryFrequencies(const ModelConfig& config) {
  std::vector<double> frequencies;
  for (int64_t a = 0; a < config.head_dim / 2; ++a) {
    const double frequency = std::pow(config.rope_theta, -2.0 * static_cast<double>(a) / config.head_dim);
    frequencies.push_back(config.rope_scaling.has_value() ? ScaleFrequency(frequency, *config.rope_scaling)
                                                          : frequency);
  }
  return frequencies;
}

}  // namespace cohort::model
