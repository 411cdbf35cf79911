// SPDX-License-Identifier: Apache-2.0
#include "coordinator/device_match.h"

#include <string>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

cohort::v1::DeviceRequirement Requirement(const std::string& device, int64_t min_memory_bytes) {
  cohort::v1::DeviceRequirement requirement;
  requirement.set_device(device);
  requirement.set_min_memory_bytes(min_memory_bytes);
  return requirement;
}

TEST(DeviceMatchTest, KindIsWhatStandsBeforeTheNumber) {
  EXPECT_EQ(DeviceKind("cuda:3"), "cuda");
  EXPECT_EQ(DeviceKind("cpu"), "cpu");
  EXPECT_EQ(DeviceKind(""), "");
}

TEST(DeviceMatchTest, DeviceAndMemoryBothHaveToMatch) {
  EXPECT_TRUE(Meets(Requirement("", 0), "", 0)) << "nothing is asked for";
  EXPECT_TRUE(Meets(Requirement("cuda", 80), "cuda:1", 80));
  EXPECT_FALSE(Meets(Requirement("cuda", 80), "cuda:1", 79));
  EXPECT_FALSE(Meets(Requirement("cuda", 80), "cpu", 800));
  EXPECT_TRUE(Meets(Requirement("", 80), "cpu", 800)) << "any device";
}

TEST(DeviceMatchTest, UnknownMemoryIsNotEnoughMemory) {
  EXPECT_TRUE(Meets(Requirement("cpu", 0), "cpu", 0));
  EXPECT_FALSE(Meets(Requirement("cpu", 1), "cpu", 0));
}

}  // namespace
}  // namespace cohort::coordinator
