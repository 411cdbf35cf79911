// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/coordinator_client.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace cohort::rollout_worker {
namespace {

cohort::v1::RolloutGroup Group(int num_rollouts, size_t text_bytes) {
  cohort::v1::RolloutGroup group;
  group.set_job("job");
  group.set_group_id(4);
  for (int i = 0; i < num_rollouts; ++i) {
    cohort::v1::Rollout* rollout = group.add_rollouts();
    rollout->set_sibling(i);
    rollout->set_text(std::string(text_bytes, 'x'));
  }
  return group;
}

TEST(SplitIntoPartsTest, SmallGroupIsOnePart) {
  const std::vector<cohort::v1::RolloutGroup> parts = SplitIntoParts(Group(8, 10), 10'000);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].rollouts_size(), 8);
}

TEST(SplitIntoPartsTest, PartsStayBelowTheLimitAndAddUpInOrder) {
  const std::vector<cohort::v1::RolloutGroup> parts = SplitIntoParts(Group(20, 300), 1'000);
  EXPECT_GT(parts.size(), 5u);
  int sibling = 0;
  for (const cohort::v1::RolloutGroup& part : parts) {
    EXPECT_EQ(part.job(), "job");
    EXPECT_EQ(part.group_id(), 4);
    EXPECT_LE(part.ByteSizeLong(), 1'100u);
    for (const cohort::v1::Rollout& rollout : part.rollouts()) EXPECT_EQ(rollout.sibling(), sibling++);
  }
  EXPECT_EQ(sibling, 20);
}

TEST(SplitIntoPartsTest, RolloutAboveTheLimitHasAPartOfItsOwn) {
  const std::vector<cohort::v1::RolloutGroup> parts = SplitIntoParts(Group(3, 5'000), 1'000);
  ASSERT_EQ(parts.size(), 3u);
  for (const cohort::v1::RolloutGroup& part : parts) EXPECT_EQ(part.rollouts_size(), 1);
}

}  // namespace
}  // namespace cohort::rollout_worker
