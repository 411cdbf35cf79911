// SPDX-License-Identifier: Apache-2.0
#include "coordinator/resource_name.h"

#include <gmock/gmock.h>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

TEST(ResourceNameTest, IdsFollowThePattern) {
  for (const char* id : {"a", "a1", "warm-start", "a-1-b"}) EXPECT_OK(CheckId("job_id", id)) << id;
  EXPECT_OK(CheckId("job_id", std::string(63, 'a')));
  for (const char* id : {"", "1a", "A", "a_b", "a-", "-a", "a/b", "..", "\xC3\xA4"}) {
    EXPECT_THAT(CheckId("job_id", id), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("job_id: "))) << id;
  }
  EXPECT_THAT(CheckId("job_id", std::string(64, 'a')), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ResourceNameTest, EmptyParentIsTheDefaultNamespace) {
  EXPECT_THAT(ParseParent(""), common::IsOkAndHolds("default"));
  EXPECT_THAT(ParseParent("namespaces/team-a"), common::IsOkAndHolds("team-a"));
  for (const char* parent : {"team-a", "namespaces/", "namespaces/A", "namespaces/a/jobs/b", "namespaces/.."}) {
    EXPECT_THAT(ParseParent(parent), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("parent: "))) << parent;
  }
}

TEST(ResourceNameTest, JobNamesAreTakenApart) {
  const std::string name = JobName("team-a", "sums");
  EXPECT_EQ(name, "namespaces/team-a/jobs/sums");
  EXPECT_OK(CheckJobName(name));
  EXPECT_EQ(NamespaceOf(name), "team-a");
  EXPECT_EQ(JobIdOf(name), "sums");
  for (const char* bad : {"sums", "namespaces/a/jobs", "namespaces/a/jobs/", "namespaces/a/jobs/b/c", "x/a/jobs/b"}) {
    EXPECT_THAT(CheckJobName(bad), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name: "))) << bad;
  }
}

TEST(ResourceNameTest, WrongJobNameIsToldByTheFieldThatHoldsIt) {
  EXPECT_THAT(CheckJobName("sums", "parent"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("parent: ")));
}

TEST(ResourceNameTest, CheckpointNamesAreTakenApart) {
  ASSERT_OK_AND_ASSIGN(const CheckpointName name, ParseCheckpointName("namespaces/a/jobs/b/checkpoints/12"));
  EXPECT_EQ(name.job, "namespaces/a/jobs/b");
  EXPECT_EQ(name.version, 12);
  EXPECT_EQ(ParseCheckpointName("namespaces/a/jobs/b/checkpoints/latest")->version, CheckpointName::kLatest);
  EXPECT_EQ(ParseCheckpointName("namespaces/a/jobs/b/checkpoints/0")->version, 0);
  for (const char* bad :
       {"", "12", "namespaces/a/jobs/b", "namespaces/a/jobs/b/checkpoints/", "namespaces/a/jobs/b/checkpoints/-1",
        "namespaces/a/jobs/b/checkpoints/012", "namespaces/a/jobs/b/checkpoints/+1",
        "namespaces/a/jobs/b/checkpoints/newest", "namespaces/a/jobs/b/checkpoint/1",
        "namespaces/A/jobs/b/checkpoints/1", "namespaces/a/jobs/b/checkpoints/1/x"}) {
    EXPECT_THAT(ParseCheckpointName(bad), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name: "))) << bad;
  }
}

}  // namespace
}  // namespace cohort::coordinator
