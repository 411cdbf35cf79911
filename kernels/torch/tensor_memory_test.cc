// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/tensor_memory.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

namespace cohort::kernels {
namespace {

constexpr int64_t kMebibyte = 1 << 20;
// What the heap may round a block up by: its last page, and the first one for the alignment.
constexpr int64_t kRounding = 3 * 4096;

at::Tensor Mebibytes(int64_t count) { return at::empty({count * kMebibyte}, at::kByte); }

TEST(TensorMemoryTest, PeakIsTheMostThatLivedAtOnce) {
  TensorMemory memory;
  const int64_t before = memory.live_bytes();
  {
    const at::Tensor a = Mebibytes(1);
    { const at::Tensor b = Mebibytes(3); }
    const at::Tensor c = Mebibytes(2);
    EXPECT_GE(memory.live_bytes() - before, 3 * kMebibyte);
    EXPECT_LE(memory.live_bytes() - before, 3 * kMebibyte + 2 * kRounding);
  }
  EXPECT_EQ(memory.live_bytes(), before);
  EXPECT_GE(memory.peak_bytes() - before, 4 * kMebibyte);
  EXPECT_LE(memory.peak_bytes() - before, 4 * kMebibyte + 2 * kRounding);
}

TEST(TensorMemoryTest, RestartForgetsThePeakAndKeepsWhatLives) {
  TensorMemory memory;
  const int64_t before = memory.live_bytes();
  const at::Tensor kept = Mebibytes(1);
  { const at::Tensor gone = Mebibytes(8); }
  memory.Restart();
  EXPECT_EQ(memory.peak_bytes(), memory.live_bytes());
  EXPECT_GE(memory.peak_bytes() - before, kMebibyte);
  EXPECT_LT(memory.peak_bytes() - before, 2 * kMebibyte);
}

TEST(TensorMemoryTest, TensorsMayBeOlderAndOutliveIt) {
  at::Tensor older = Mebibytes(4);
  at::Tensor outliving;
  int64_t before = 0;
  {
    TensorMemory memory;
    before = memory.live_bytes();
    older.reset();  // was never counted
    EXPECT_EQ(memory.live_bytes(), before);
    outliving = Mebibytes(2);
  }
  const at::Tensor uncounted = Mebibytes(16);
  outliving.reset();
  TensorMemory memory;
  EXPECT_EQ(memory.live_bytes(), before);
}

// What operators that keep scratch of their own use.
TEST(TensorMemoryTest, RawBlocksAreCountedAndEmptyOnesAreNone) {
  TensorMemory memory;
  const int64_t before = memory.live_bytes();
  c10::Allocator* const allocator = c10::GetCPUAllocator();
  ASSERT_NE(allocator->raw_deleter(), nullptr);
  void* const block = allocator->raw_allocate(kMebibyte);
  EXPECT_GE(memory.live_bytes() - before, kMebibyte);
  allocator->raw_deallocate(block);
  EXPECT_EQ(memory.live_bytes(), before);
  { const at::Tensor empty = at::empty({0}, at::kByte); }
  allocator->raw_deallocate(allocator->raw_allocate(0));
  EXPECT_EQ(memory.live_bytes(), before);
}

TEST(TensorMemoryTest, ThreadsShareTheCount) {
  constexpr int kThreads = 4;
  TensorMemory memory;
  const int64_t before = memory.live_bytes();
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 200; ++round) {
        const at::Tensor tensor = at::empty({1 + round * 100}, at::kByte);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(memory.live_bytes(), before);
  EXPECT_GT(memory.peak_bytes(), before);
}

}  // namespace
}  // namespace cohort::kernels
