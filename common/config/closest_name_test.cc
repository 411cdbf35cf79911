// SPDX-License-Identifier: Apache-2.0
#include "common/config/closest_name.h"

#include <gtest/gtest.h>

namespace cohort::common {
namespace {

const std::vector<std::string>& Names() {
  static const auto* const names = new std::vector<std::string>{"group_size", "groups_per_step", "sampling"};
  return *names;
}

TEST(ClosestNameTest, FindsTypingErrors) {
  EXPECT_EQ(ClosestName("group_sise", Names()), "group_size");
  EXPECT_EQ(ClosestName("groupsize", Names()), "group_size");
  EXPECT_EQ(ClosestName("smapling", Names()), "sampling");
  EXPECT_EQ(ClosestName("group_per_step", Names()), "groups_per_step");
}

TEST(ClosestNameTest, FarNamesAreNotSuggested) {
  EXPECT_EQ(ClosestName("temperature", Names()), "");
  EXPECT_EQ(ClosestName("", Names()), "");
  EXPECT_EQ(ClosestName("ab", {"cd"}), "");
  EXPECT_EQ(ClosestName(std::string(1 << 20, 'a'), Names()), "");
}

}  // namespace
}  // namespace cohort::common
