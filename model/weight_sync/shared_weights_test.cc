// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/shared_weights.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/status/status.h"

namespace cohort::model {
namespace {

TEST(SharedWeightsTest, FailedWriteLeavesNoFile) {
  const std::string directory = testing::TempDir() + "/failed_write";
  std::filesystem::create_directories(directory);
  const auto status = SharedWeights::Create(directory, "w", 10, [](const SharedWeights::Append& append) {
                        EXPECT_TRUE(append("12345").ok());
                        return absl::ResourceExhaustedError("full");
                      }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(std::filesystem::is_empty(directory));
}

}  // namespace
}  // namespace cohort::model
