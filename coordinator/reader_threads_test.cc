// SPDX-License-Identifier: Apache-2.0
#include "coordinator/reader_threads.h"

#include <atomic>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

TEST(ReaderThreadsTest, WorkIsDoneAsManyAtATimeAsThereAreThreads) {
  ReaderThreads readers(2);
  // Neither ends before both have begun.
  absl::Notification begun[2], done[2];
  for (int i = 0; i < 2; ++i) {
    readers.Run([&, i] {
      begun[i].Notify();
      begun[1 - i].WaitForNotification();
      done[i].Notify();
    });
  }
  for (auto& notification : done) notification.WaitForNotification();
}

TEST(ReaderThreadsTest, EndWaitsForWhatHasBegunAndDropsTheRest) {
  std::atomic<bool> was_told = false, was_begun = false;
  absl::Notification begun;
  {
    ReaderThreads readers(1);
    readers.Run([&] {
      begun.Notify();
      readers.is_stopped()->wait(false);
      was_told = true;
    });
    begun.WaitForNotification();
    readers.Run([&] { was_begun = true; });
    EXPECT_EQ(readers.num_waiting(), 1) << "without the one that has begun";
  }
  EXPECT_TRUE(was_told);
  EXPECT_FALSE(was_begun);
}

}  // namespace
}  // namespace cohort::coordinator
