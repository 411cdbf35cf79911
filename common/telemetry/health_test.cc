// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/health.h"

#include <gtest/gtest.h>

namespace cohort::common {
namespace {

TEST(HealthTest, StartsNotReady) {
  const Health health;
  EXPECT_FALSE(health.IsReady());
  EXPECT_EQ(health.Reason(), "starting");
}

TEST(HealthTest, ReadyHasNoReason) {
  Health health;
  health.SetReady();
  EXPECT_TRUE(health.IsReady());
  EXPECT_EQ(health.Reason(), "");
}

TEST(HealthTest, NotReadyKeepsTheReason) {
  Health health;
  health.SetReady();
  health.SetNotReady("draining");
  EXPECT_FALSE(health.IsReady());
  EXPECT_EQ(health.Reason(), "draining");
}

TEST(HealthTest, NotReadyWithoutReasonIsStillNotReady) {
  Health health;
  health.SetNotReady("");
  EXPECT_FALSE(health.IsReady());
}

}  // namespace
}  // namespace cohort::common
