// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "model/parallel/process_group.h"

namespace cohort::model {
namespace {

TEST(NcclProcessGroupTest, BuildWithoutCudaSaysSo) {
  EXPECT_EQ(CreateNcclProcessGroup({}, at::Device(at::kCUDA, 0)).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace cohort::model
