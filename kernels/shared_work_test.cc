// SPDX-License-Identifier: Apache-2.0
#include "kernels/shared_work.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "kernels/thread_parallel_for.h"

namespace cohort::kernels {
namespace {

constexpr int64_t kMuchWork = int64_t{1} << 40;

TEST(SharedWorkTest, LittleWorkIsNotCutAndMuchIsCutIntoNoMorePartsThanItems) {
  EXPECT_EQ(NumParts(100, 0), 1);
  EXPECT_EQ(NumParts(100, 1000), 1);
  EXPECT_EQ(NumParts(100, kMuchWork), 100);
  EXPECT_EQ(NumParts(1, kMuchWork), 1);
  EXPECT_EQ(NumParts(0, kMuchWork), 0);
  const int64_t parts = NumParts(1000000, 10000000);
  EXPECT_GT(parts, 1);
  EXPECT_LT(parts, 1000);
}

TEST(SharedWorkTest, EqualItemsAreEachRunOnce) {
  for (const int64_t num_items : {0, 1, 2, 7, 1000}) {
    for (const int64_t num_threads : {1, 2, 3, 5}) {
      for (const int64_t work : {int64_t{0}, int64_t{1} << 20, kMuchWork}) {
        std::vector<std::atomic<int>> runs(num_items);
        ShareEqualItems({BestCpuTarget(), ThreadParallelFor(num_threads)}, num_items, work,
                        [&runs](int64_t first, int64_t last) {
                          for (int64_t i = first; i < last; ++i) ++runs[i];
                        });
        for (const std::atomic<int>& count : runs) EXPECT_EQ(count, 1);
      }
    }
  }
}

TEST(SharedWorkTest, UnequalItemsAreEachHandedOutOnce) {
  for (const int64_t num_items : {0, 1, 2, 7, 1000}) {
    for (const int64_t num_threads : {1, 2, 3, 5}) {
      std::vector<std::atomic<int>> runs(num_items);
      ShareUnequalItems({BestCpuTarget(), ThreadParallelFor(num_threads)}, num_items, kMuchWork,
                        [&runs](ItemQueue* queue) {
                          for (int64_t item; queue->Next(&item);) ++runs[item];
                        });
      for (const std::atomic<int>& count : runs) EXPECT_EQ(count, 1);
    }
  }
}

TEST(SharedWorkTest, WithoutThreadsEverythingRunsAtOnceInTheCall) {
  std::vector<int64_t> ranges;
  ShareEqualItems({}, 5, kMuchWork, [&ranges](int64_t first, int64_t last) {
    ranges.push_back(first);
    ranges.push_back(last);
  });
  EXPECT_EQ(ranges, (std::vector<int64_t>{0, 5}));
}

}  // namespace
}  // namespace cohort::kernels
