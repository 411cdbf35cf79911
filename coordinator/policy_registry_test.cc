// SPDX-License-Identifier: Apache-2.0
#include "coordinator/policy_registry.h"

#include <set>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

TEST(PolicyRegistryTest, PublishedVersionIsFoundWithItsSource) {
  PolicyRegistry policies("job");
  EXPECT_EQ(policies.Find(3), nullptr);
  policies.Publish(3, "host:1", "digest");
  ASSERT_NE(policies.Find(3), nullptr);
  EXPECT_EQ(policies.Find(3)->job(), "job");
  EXPECT_EQ(policies.Find(3)->policy_version(), 3);
  EXPECT_EQ(policies.Find(3)->address(), "host:1");
  EXPECT_EQ(policies.Find(3)->digest(), "digest");
  policies.Publish(3, "host:2", "digest");
  EXPECT_EQ(policies.Find(3)->address(), "host:2") << "published again by another gang";
}

TEST(PolicyRegistryTest, OldVersionsAreForgotten) {
  PolicyRegistry policies("job");
  for (int64_t version = 0; version < 4; ++version) policies.Publish(version, "host:1", "digest");
  policies.ForgetBelow(2);
  EXPECT_EQ(policies.versions(), (std::set<int64_t>{2, 3}));
  EXPECT_EQ(policies.Find(1), nullptr);
  policies.Clear();
  EXPECT_TRUE(policies.versions().empty());
}

}  // namespace
}  // namespace cohort::coordinator
