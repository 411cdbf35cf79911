// SPDX-License-Identifier: Apache-2.0
#include "common/version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cohort::common {
namespace {

TEST(VersionTest, CompilerIsNamedWithItsVersion) {
  EXPECT_THAT(CompilerText(), ::testing::ContainsRegex("^(gcc|clang) [0-9]+\\.[0-9]+"));
}

TEST(VersionTest, BuildModeNamesTheSanitizerAlone) {
#if defined(__SANITIZE_ADDRESS__)
  EXPECT_EQ(BuildModeText(), "optimized, address sanitizer");
#elif defined(COHORT_TSAN)
  EXPECT_EQ(BuildModeText(), "optimized, thread sanitizer");
#else
  EXPECT_EQ(BuildModeText(), "optimized");
#endif
}

}  // namespace
}  // namespace cohort::common
