// SPDX-License-Identifier: Apache-2.0
#include "learner/collective_queue.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "learner/testing/fake_process_group.h"

namespace cohort::learner {
namespace {

using common::StatusIs;

TEST(CollectiveQueueTest, CollectivesAreMadeInOrderOnceAllRanksAskedForThem) {
  RunRanks(3, [](model::ProcessGroup* group) {
    CollectiveQueue queue(group, at::kCPU);
    std::vector<at::Tensor> sums;
    for (int i = 0; i < 8; ++i) sums.push_back(at::full({1}, static_cast<double>(i * (group->rank() + 1))));
    ASSERT_OK(queue.Run([&]() -> absl::Status {
      for (int i = 0; i < 8; ++i) {
        const int64_t number = queue.Add([&sums, i, group] { return group->AllReduceSum(sums[i]); });
        EXPECT_EQ(number, i);
        // Those that nobody waits for are made all the same.
        if (i % 3 > 0) continue;
        EXPECT_OK(queue.Wait(number));
        EXPECT_EQ(sums[i].item<float>(), static_cast<float>(6 * i));
      }
      return absl::OkStatus();
    }));
    for (int i = 0; i < 8; ++i) EXPECT_EQ(sums[i].item<float>(), static_cast<float>(6 * i));
  });
}

TEST(CollectiveQueueTest, CollectiveThatFailsIsTheErrorThoughNobodyWaitedForIt) {
  for (const int world_size : {1, 2}) {
    RunRanks(world_size, [](model::ProcessGroup* group) {
      CollectiveQueue queue(group, at::kCPU);
      EXPECT_THAT(queue.Run([&] {
        queue.Add([]() -> absl::Status { TORCH_CHECK(false, "no room for the sum"); });
        return absl::OkStatus();
      }),
                  StatusIs(absl::StatusCode::kInternal, ::testing::HasSubstr("no room for the sum")));
    });
  }
}

TEST(CollectiveQueueTest, ErrorOfTheWorkItselfIsNotHiddenByThatOfAPeer) {
  RunRanks(2, [](model::ProcessGroup* group) {
    CollectiveQueue queue(group, at::kCPU);
    if (group->rank() == 1) return;  // leaves
    EXPECT_THAT(queue.Run([&] { return absl::ResourceExhaustedError("no memory"); }),
                StatusIs(absl::StatusCode::kResourceExhausted));
  });
}

}  // namespace
}  // namespace cohort::learner
