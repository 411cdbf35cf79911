// SPDX-License-Identifier: Apache-2.0
#include "model/rotary_table.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>
#include <vector>

#include "model/rotary_frequencies.h"

namespace cohort::model {
namespace {

ModelConfig LongContext() {
  ModelConfig config;
  config.head_dim = 8;
  config.max_position_embeddings = 131072;
  return config;
}

TEST(RotaryTableTest, GrowsWithThePositionsAskedForUpToTheContext) {
  const RotaryTable table(LongContext(), at::kCPU);
  EXPECT_LE(table.Covering(1).cos_PA.size(0), 1024);
  EXPECT_GE(table.Covering(5000).cos_PA.size(0), 5000);
  EXPECT_LE(table.Covering(5000).cos_PA.size(0), 10000);
  EXPECT_EQ(table.Covering(131072).cos_PA.size(0), 131072);
}

TEST(RotaryTableTest, PositionHasTheSameBitsWheneverItWasAdded) {
  const RotaryTable at_once(LongContext(), at::kCPU), by_steps(LongContext(), at::kCPU);
  for (const int64_t positions : {1, 1025, 1026, 3000, 9000}) by_steps.Covering(positions);
  const RotaryAngles a = at_once.Covering(9000), b = by_steps.Covering(9000);
  EXPECT_TRUE(at::equal(a.cos_PA.narrow(0, 0, 9000), b.cos_PA.narrow(0, 0, 9000)));
  EXPECT_TRUE(at::equal(a.sin_PA.narrow(0, 0, 9000), b.sin_PA.narrow(0, 0, 9000)));
}

TEST(RotaryTableTest, AnglesAreRoundedOnceFromDouble) {
  const RotaryTable table(LongContext(), at::kCPU);
  const std::vector<double> frequencies = RotaryFrequencies(LongContext());
  const RotaryAngles angles = table.Covering(131072);
  for (const int64_t position : {0, 1, 1023, 1024, 131071}) {
    for (int64_t a = 0; a < 4; ++a) {
      const double angle = static_cast<double>(position) * frequencies[a];
      EXPECT_EQ(angles.cos_PA[position][a].item<float>(), static_cast<float>(std::cos(angle)));
      EXPECT_EQ(angles.sin_PA[position][a].item<float>(), static_cast<float>(std::sin(angle)));
    }
  }
}

TEST(RotaryTableTest, ThreadsMayAskAtOnce) {
  const RotaryTable table(LongContext(), at::kCPU);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&table, t] {
      for (int64_t positions = 1; positions < 40000; positions += 3001 + t) {
        EXPECT_GE(table.Covering(positions).sin_PA.size(0), positions);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace cohort::model
