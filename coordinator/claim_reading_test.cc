// SPDX-License-Identifier: Apache-2.0
// Claims whose rows come from a slow disk.
#include <gmock/gmock.h>

#include <string>
#include <thread>

#include "absl/time/time.h"
#include "common/testing/status_matchers.h"
#include "common/testing/watched_file_system.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

class ClaimReadingTest : public BenchCoordinator {};

TEST_F(ClaimReadingTest, ClaimThatReadsKeepsNobodyElseOfTheJobWaiting) {
  common::WatchedFileSystem files(common::RealFileSystem());
  context_.dataset_files = &files;
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  const auto held = Claim("fast", 1);
  files.Hold(folder_.Join("problems.jsonl"));
  std::thread slow([&] { EXPECT_EQ(Claim("slow", 1).groups_size(), 1); });
  files.WaitForReader();
  EXPECT_EQ(NumLost("fast", held), 0);
  files.Release(folder_.Join("problems.jsonl"));
  slow.join();
}

TEST_F(ClaimReadingTest, RowsThatASlowDiskDoesNotGiveInGoodTimeWaitAgain) {
  common::WatchedFileSystem files(common::RealFileSystem());
  context_.dataset_files = &files;
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  ASSERT_OK(Publish(Join(), 0, 'a'));
  files.Hold(folder_.Join("problems.jsonl"));
  std::thread slow([&] { EXPECT_EQ(Claim("slow", 3).groups_size(), 1) << "what was read while time went by"; });
  files.WaitForReader();
  clock_.Advance(context_.lease_duration / 2);
  files.Release(folder_.Join("problems.jsonl"));
  slow.join();
  EXPECT_EQ(Claim("other", 3).groups_size(), 3) << "nobody is at fault";
}

}  // namespace
}  // namespace cohort::coordinator
