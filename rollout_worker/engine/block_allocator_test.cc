// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/block_allocator.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "common/testing/status_matchers.h"

namespace cohort::rollout_worker {
namespace {

using common::StatusIs;

TEST(BlockAllocatorTest, HandsOutEveryBlockOnce) {
  BlockAllocator allocator(4);
  std::vector<int32_t> blocks;
  ASSERT_OK(allocator.Allocate(4, &blocks));
  EXPECT_EQ(std::set<int32_t>(blocks.begin(), blocks.end()), (std::set<int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(allocator.num_free(), 0);
}

TEST(BlockAllocatorTest, TooManyBlocksChangeNothing) {
  BlockAllocator allocator(2);
  std::vector<int32_t> blocks;
  EXPECT_THAT(allocator.Allocate(3, &blocks), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_TRUE(blocks.empty());
  EXPECT_EQ(allocator.num_free(), 2);
}

TEST(BlockAllocatorTest, SharedBlockIsFreeAfterItsLastHolder) {
  BlockAllocator allocator(1);
  std::vector<int32_t> blocks;
  ASSERT_OK(allocator.Allocate(1, &blocks));
  ASSERT_OK(allocator.Share(blocks[0]));
  EXPECT_EQ(allocator.num_holders(blocks[0]), 2);
  ASSERT_OK(allocator.Release(blocks[0]));
  EXPECT_EQ(allocator.num_free(), 0);
  ASSERT_OK(allocator.Release(blocks[0]));
  EXPECT_EQ(allocator.num_free(), 1);
}

TEST(BlockAllocatorTest, FreeBlockCanBeNeitherSharedNorReleased) {
  BlockAllocator allocator(1);
  EXPECT_THAT(allocator.Share(0), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(allocator.Release(0), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(allocator.num_free(), 1);
}

}  // namespace
}  // namespace cohort::rollout_worker
