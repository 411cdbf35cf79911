// SPDX-License-Identifier: Apache-2.0
#include "coordinator/namespace_use.h"

#include <gmock/gmock.h>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

JobDemand Job(const std::string& name_space, const std::string& job, double device_seconds) {
  return {.job = job, .name_space = name_space, .device_seconds = device_seconds};
}

TEST(NamespaceUseTest, CountsWhatJobsAddAndRemembersThoseThatEnded) {
  NamespaceUse use;
  use.Observe({Job("a", "1", 10), Job("b", "2", 5)}, absl::Seconds(1));
  use.Observe({Job("a", "1", 12), Job("a", "3", 1)}, absl::Seconds(1));
  EXPECT_THAT(use.device_seconds(), ElementsAre(Pair("a", 13), Pair("b", 5)));
}

TEST(NamespaceUseTest, HalvesWithEveryDayUntilNothingIsLeft) {
  NamespaceUse use;
  use.Observe({Job("a", "1", 8)}, absl::Seconds(0));
  use.Observe({}, absl::Hours(48));
  EXPECT_THAT(use.device_seconds(), ElementsAre(Pair("a", DoubleNear(2, 1e-9))));
  use.Observe({}, absl::Hours(24 * 60));
  EXPECT_THAT(use.device_seconds(), IsEmpty());
}

TEST(NamespaceUseTest, UseThatACrashForgotIsNoGain) {
  NamespaceUse use;
  use.Observe({Job("a", "1", 8)}, absl::Seconds(0));
  use.Observe({Job("a", "1", 3)}, absl::Seconds(0));
  use.Observe({Job("a", "1", 4)}, absl::Seconds(0));
  EXPECT_THAT(use.device_seconds(), ElementsAre(Pair("a", 9)));
}

}  // namespace
}  // namespace cohort::coordinator
