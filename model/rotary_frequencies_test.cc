// SPDX-License-Identifier: Apache-2.0
#include "model/rotary_frequencies.h"

#include <gtest/gtest.h>

#include <cmath>

namespace cohort::model {
namespace {

ModelConfig Config(int64_t head_dim, double theta) {
  ModelConfig config;
  config.head_dim = head_dim;
  config.rope_theta = theta;
  return config;
}

TEST(RotaryFrequenciesTest, FallGeometricallyFromOne) {
  const std::vector<double> frequencies = RotaryFrequencies(Config(8, 10000.0));
  ASSERT_EQ(frequencies.size(), 4);
  for (size_t a = 0; a < frequencies.size(); ++a) EXPECT_NEAR(frequencies[a], std::pow(0.1, a), 1e-15);
}

TEST(RotaryFrequenciesTest, Llama3ScalingAgreesWithTransformers) {
  // rope_scaling of Llama 3.1; from transformers 5.24, _compute_llama3_parameters, in fp32.
  ModelConfig config = Config(128, 500000.0);
  config.rope_scaling = Llama3RopeScaling{8.0, 1.0, 4.0, 8192};
  const std::vector<double> frequencies = RotaryFrequencies(config);
  const struct {
    size_t pair;
    double frequency;
  } expected[] = {{0, 1},
                  {1, 0.814617217},
                  {20, 0.0165604409},
                  {28, 0.00321144611},
                  {29, 0.00216657063},
                  {30, 0.00137189368},
                  {31, 0.00085675146},
                  {32, 0.000524846022},
                  {33, 0.00031269365},
                  {34, 0.000178507791},
                  {35, 9.55621217e-05},
                  {40, 3.42810235e-05},
                  {63, 3.06892588e-07}};
  ASSERT_EQ(frequencies.size(), 64);
  for (const auto& [pair, frequency] : expected) EXPECT_NEAR(frequencies[pair], frequency, 1e-6 * frequency) << pair;
}

TEST(RotaryFrequenciesTest, Llama3ScalingIsContinuousBetweenItsBands) {
  ModelConfig config = Config(2, 10000.0);
  // The one frequency is 1, its wavelength 2 pi: contexts on both sides of each bound of the transition.
  const auto scaled = [&config](double low, double high) {
    config.rope_scaling = Llama3RopeScaling{8.0, low, high, 100};
    return RotaryFrequencies(config)[0];
  };
  const double waves = 100.0 / (2.0 * M_PI);
  EXPECT_NEAR(scaled(1.0, waves * (1 - 1e-9)), 1.0, 1e-7);
  EXPECT_NEAR(scaled(1.0, waves * (1 + 1e-9)), 1.0, 1e-7);
  EXPECT_NEAR(scaled(waves * (1 - 1e-9), 100.0), 0.125, 1e-7);
  EXPECT_NEAR(scaled(waves * (1 + 1e-9), 100.0), 0.125, 1e-7);
}

}  // namespace
}  // namespace cohort::model
