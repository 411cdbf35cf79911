// SPDX-License-Identifier: Apache-2.0
#include "coordinator/served_jobs.h"

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

TEST(ServedJobsTest, WhoReadsKeepsWhatItReadWhileTheOrderChanges) {
  ServedJobs served;
  EXPECT_TRUE(served.Get()->empty());
  served.Set({{.job = "a"}});
  const auto before = served.Get();
  served.Set({{.job = "b"}, {.job = "a"}});
  ASSERT_EQ(before->size(), 1u);
  EXPECT_EQ((*before)[0].job, "a");
  EXPECT_EQ((*served.Get())[0].job, "b");
}

TEST(ServedJobsTest, TellsWhetherWorkersHaveSomethingElseToLookAt) {
  ServedJobs served;
  EXPECT_FALSE(served.Set({}));
  EXPECT_TRUE(served.Set({{.job = "a"}, {.job = "b"}}));
  EXPECT_FALSE(served.Set({{.job = "a"}, {.job = "b"}}));
  EXPECT_TRUE(served.Set({{.job = "b"}, {.job = "a"}}));
}

}  // namespace
}  // namespace cohort::coordinator
