// SPDX-License-Identifier: Apache-2.0
#include "coordinator/change_signal.h"

#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

bool Never() { return false; }

TEST(ChangeSignalTest, ChangeBetweenLookAndWaitIsNotMissed) {
  ChangeSignal signal;
  const int64_t seen = signal.count();
  signal.Notify();
  EXPECT_TRUE(signal.WaitBeyond(seen, absl::InfiniteFuture(), Never));
}

TEST(ChangeSignalTest, WaiterWakesOnNotify) {
  ChangeSignal signal;
  std::thread notifier([&signal] { signal.Notify(); });
  EXPECT_TRUE(signal.WaitBeyond(0, absl::InfiniteFuture(), Never));
  notifier.join();
}

TEST(ChangeSignalTest, WaitEndsAtTheDeadlineAndWhenClosedOrCancelled) {
  ChangeSignal signal;
  EXPECT_FALSE(signal.WaitBeyond(signal.count(), absl::Now() - absl::Seconds(1), Never));
  EXPECT_FALSE(signal.WaitBeyond(signal.count(), absl::InfiniteFuture(), [] { return true; }));
  EXPECT_FALSE(signal.IsClosed());
  signal.Close();
  EXPECT_FALSE(signal.WaitBeyond(signal.count(), absl::InfiniteFuture(), Never));
  EXPECT_TRUE(signal.IsClosed());
}

}  // namespace
}  // namespace cohort::coordinator
