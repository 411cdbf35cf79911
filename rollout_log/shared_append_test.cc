// SPDX-License-Identifier: Apache-2.0
// Appends from many threads at once.
#include <atomic>
#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "gtest/gtest.h"
#include "rollout_log/rollout_log.h"

namespace cohort::rollout_log {
namespace {

using common::SimulatedFileSystem;

cohort::v1::RolloutGroup MakeGroup(int64_t id) {
  cohort::v1::RolloutGroup group;
  group.set_job("namespaces/default/jobs/sums");
  group.set_group_id(id);
  group.add_rollouts()->set_text(std::string(id % 7, 'x'));
  return group;
}

class SharedAppendTest : public ::testing::Test {
 protected:
  static constexpr int kNumThreads = 8;
  static constexpr int kPerThread = 20;

  std::unique_ptr<RolloutLog> Open(const RecordLocation& end) {
    auto log = RolloutLog::Open("/log", end, /*max_segment_bytes=*/2000, &files_);
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }

  // Every thread appends pairs of groups, whose ids follow each other; where each group is, if it is.
  std::map<int64_t, RecordLocation> AppendFromAll(RolloutLog* log) {
    std::map<int64_t, RecordLocation> locations;
    absl::Mutex mutex;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kNumThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kPerThread; ++i) {
          const int64_t id = 2 * (thread * kPerThread + i);
          const auto one = MakeGroup(id), two = MakeGroup(id + 1);
          const auto appended = log->AppendAll({&one, &two});
          absl::MutexLock lock(&mutex);
          for (size_t n = 0; appended.ok() && n < appended->size(); ++n) locations[id + n] = (*appended)[n];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return locations;
  }

  static RecordLocation Last(const std::map<int64_t, RecordLocation>& locations) {
    RecordLocation last;
    for (const auto& [id, location] : locations) {
      if (std::make_pair(location.segment, location.offset_bytes) >= std::make_pair(last.segment, last.offset_bytes)) {
        last = location;
      }
    }
    return last;
  }

  common::SimulatedDisk disk_;
  SimulatedFileSystem files_{&disk_};
};

TEST_F(SharedAppendTest, EveryGroupIsWhereItsCallWasToldAndTheLogOpensAgain) {
  auto log = Open({});
  const auto locations = AppendFromAll(log.get());
  ASSERT_EQ(locations.size(), size_t{2} * kNumThreads * kPerThread);
  log = Open(Last(locations));
  for (const auto& [id, location] : locations) {
    const auto group = log->Read(location);
    ASSERT_TRUE(group.ok()) << group.status();
    EXPECT_EQ(group->group_id(), id);
    if (id % 2 == 0) continue;
    EXPECT_EQ(locations.at(id - 1).segment, location.segment) << "a call's groups stay together";
  }
}

TEST_F(SharedAppendTest, CallsThatComeTogetherShareAnFdatasync) {
  std::atomic<int64_t> num_syncs = 0;
  files_.SetFault([&](SimulatedFileSystem::Call call, std::string_view) {
    if (call != SimulatedFileSystem::Call::kSync) return absl::OkStatus();
    ++num_syncs;
    absl::SleepFor(absl::Milliseconds(1));  // as a disk does: meanwhile the other threads come
    return absl::OkStatus();
  });
  auto log = Open({});
  int64_t num_appends = 0;
  // How the threads meet is up to the machine; that they never do in so many rounds is not.
  for (int round = 0; round < 100 && num_syncs >= num_appends; ++round) {
    AppendFromAll(log.get());
    num_appends += kNumThreads * kPerThread;
  }
  EXPECT_LT(num_syncs, num_appends);
}

TEST_F(SharedAppendTest, AppendsThatWaitForASyncAreCounted) {
  absl::Notification begun, go_on;
  std::atomic<bool> is_first = true;
  auto log = Open({});
  files_.SetFault([&](SimulatedFileSystem::Call call, std::string_view) {
    if (call == SimulatedFileSystem::Call::kSync && is_first.exchange(false)) {
      begun.Notify();
      go_on.WaitForNotification();
    }
    return absl::OkStatus();
  });
  std::vector<std::thread> threads;
  const auto append = [&log, &threads](int64_t id) {
    threads.emplace_back([&log, id] { EXPECT_TRUE(log->Append(MakeGroup(id)).ok()); });
  };
  append(0);
  begun.WaitForNotification();
  EXPECT_EQ(log->NumWaiting(), 0) << "that one is written";
  append(1);
  append(2);
  while (log->NumWaiting() < 2) std::this_thread::yield();
  go_on.Notify();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log->NumWaiting(), 0);
}

TEST_F(SharedAppendTest, CallsWhoseSyncFailsHearOfItAndTheOthersAreWhole) {
  std::atomic<int64_t> num_syncs = 0;
  files_.SetFault([&](SimulatedFileSystem::Call call, std::string_view path) {
    const bool fails = call == SimulatedFileSystem::Call::kSync && ++num_syncs % 5 == 0;
    return fails ? absl::ErrnoToStatus(EIO, std::string(path)) : absl::OkStatus();
  });
  auto log = Open({});
  const auto locations = AppendFromAll(log.get());
  EXPECT_GT(locations.size(), 0u);
  EXPECT_LT(locations.size(), size_t{2} * kNumThreads * kPerThread);
  files_.SetFault([](SimulatedFileSystem::Call, std::string_view) { return absl::OkStatus(); });
  log = Open(Last(locations));
  for (const auto& [id, location] : locations) {
    const auto group = log->Read(location);
    ASSERT_TRUE(group.ok()) << group.status();
    EXPECT_EQ(group->group_id(), id);
  }
}

}  // namespace
}  // namespace cohort::rollout_log
