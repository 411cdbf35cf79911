// SPDX-License-Identifier: Apache-2.0
#include "coordinator/group_parts.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

cohort::v1::RolloutGroup GroupOf(int num_rollouts, size_t text_bytes) {
  cohort::v1::RolloutGroup group;
  group.set_group_id(4);
  group.set_policy_version(7);
  for (int i = 0; i < num_rollouts; ++i) {
    group.add_rollouts()->set_sibling(i);
    group.mutable_rollouts(i)->set_text(std::string(text_bytes, 'a'));
  }
  return group;
}

TEST(GroupPartsTest, PartsPutTogetherAreTheGroup) {
  const cohort::v1::RolloutGroup group = GroupOf(5, 100);
  cohort::v1::RolloutGroup merged;
  std::vector<bool> last;
  EXPECT_TRUE(SendInParts(group, /*max_bytes=*/250, [&](const cohort::v1::RolloutGroup& part, bool is_last) {
    EXPECT_LE(part.rollouts_size(), 2);
    if (last.empty()) {
      merged = part;
    } else {
      merged.mutable_rollouts()->MergeFrom(part.rollouts());
    }
    last.push_back(is_last);
    return true;
  }));
  EXPECT_EQ(last, (std::vector<bool>{false, false, true}));
  EXPECT_EQ(merged.SerializeAsString(), group.SerializeAsString());
}

TEST(GroupPartsTest, RolloutLargerThanAPartIsSentAlone) {
  int parts = 0;
  SendInParts(GroupOf(3, 1000), /*max_bytes=*/10, [&](const cohort::v1::RolloutGroup& part, bool) {
    EXPECT_EQ(part.rollouts_size(), 1);
    ++parts;
    return true;
  });
  EXPECT_EQ(parts, 3);
}

TEST(GroupPartsTest, RefusedPartEndsTheWalk) {
  int parts = 0;
  EXPECT_FALSE(SendInParts(GroupOf(3, 1000), 10, [&](const cohort::v1::RolloutGroup&, bool) { return ++parts < 2; }));
  EXPECT_EQ(parts, 2);
}

}  // namespace
}  // namespace cohort::coordinator
