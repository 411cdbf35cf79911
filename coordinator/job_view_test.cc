// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_view.h"

#include <gmock/gmock.h>

#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::MatchesRegex;

cohort::v1::Job SmallJob() {
  cohort::v1::Job job;
  job.set_name("namespaces/default/jobs/sums");
  job.mutable_update_time()->set_seconds(5);
  (*job.mutable_dropped_groups())["errored"] = 1;
  (*job.mutable_dropped_groups())["no_verdict"] = 2;
  return job;
}

TEST(JobViewTest, EtagChangesWithWhateverIsStoredOfTheJob) {
  const std::string before = EtagOf(SmallJob());
  EXPECT_THAT(before, MatchesRegex("[0-9a-f]{16}"));
  EXPECT_EQ(EtagOf(SmallJob()), before);
  cohort::v1::Job changed = SmallJob();
  (*changed.mutable_dropped_groups())["errored"] = 2;
  EXPECT_NE(EtagOf(changed), before);
  changed = SmallJob();
  changed.mutable_update_time()->set_nanos(1);
  EXPECT_NE(EtagOf(changed), before);
}

TEST(JobViewTest, RequestWithAnotherEtagIsAbortedAndOneWithoutIsNot) {
  const cohort::v1::Job job = SmallJob();
  EXPECT_OK(CheckEtag(job, ""));
  EXPECT_OK(CheckEtag(job, StoredView(job).etag()));
  EXPECT_THAT(CheckEtag(job, "0123456789abcdef"), StatusIs(absl::StatusCode::kAborted));
}

TEST(JobViewTest, ViewOfAStoredJobIsTheJobWithItsEtag) {
  cohort::v1::Job view = StoredView(SmallJob());
  EXPECT_EQ(view.etag(), EtagOf(SmallJob()));
  view.clear_etag();
  EXPECT_EQ(EtagOf(view), EtagOf(SmallJob()));
}

}  // namespace
}  // namespace cohort::coordinator
