// SPDX-License-Identifier: Apache-2.0
#include "coordinator/stall_watch.h"

#include "gtest/gtest.h"
#include "prometheus/registry.h"

namespace cohort::coordinator {
namespace {

class StallWatchTest : public ::testing::Test {
 protected:
  double Stalled() { return metrics_.StalledSeconds("job").Value(); }

  prometheus::Registry registry_;
  CoordinatorMetrics metrics_{&registry_};
  StallWatch watch_{absl::Seconds(10), &metrics_};
};

TEST_F(StallWatchTest, SpeaksAtTheThresholdAndThenEachTimeTheStallHasDoubled) {
  const WaitState state{.progress = 1, .waits_for = "2 learner ranks to join"};
  int spoken = 0;
  for (int second = 0; second <= 45; ++second) spoken += watch_.Observe("job", state, absl::Seconds(second));
  EXPECT_EQ(spoken, 3) << "at 10, 20 and 40 seconds";
  EXPECT_EQ(Stalled(), 45);
}

TEST_F(StallWatchTest, ProgressEndsTheStall) {
  watch_.Observe("job", {.progress = 1}, absl::Seconds(0));
  EXPECT_TRUE(watch_.Observe("job", {.progress = 1}, absl::Seconds(12)));
  EXPECT_FALSE(watch_.Observe("job", {.progress = 2}, absl::Seconds(13)));
  EXPECT_EQ(Stalled(), 0);
}

TEST_F(StallWatchTest, ForgottenJobIsNotStalled) {
  watch_.Observe("job", {.progress = 1}, absl::Seconds(0));
  watch_.Observe("job", {.progress = 1}, absl::Seconds(12));
  watch_.Keep({});
  EXPECT_EQ(Stalled(), 0);
}

}  // namespace
}  // namespace cohort::coordinator
