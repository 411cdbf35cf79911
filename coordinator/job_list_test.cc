// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_list.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "coordinator/in_memory_job_store.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using Labels = std::vector<std::pair<std::string, std::string>>;

class JobListTest : public ::testing::Test {
 protected:
  void Add(const std::string& name, const Labels& labels = {}) {
    JobRecord record;
    record.job.set_name("namespaces/" + name);
    record.job.set_state(cohort::v1::JOB_STATE_QUEUED);
    for (const auto& [label, value] : labels) (*record.job.mutable_spec()->mutable_labels())[label] = value;
    cohort::v1::JobEvent event;
    event.set_sequence(1);
    ASSERT_OK(store_->CreateJob(record, event));
  }
  absl::StatusOr<cohort::v1::ListJobsResponse> Page(const cohort::v1::ListJobsRequest& request) {
    return ListJobs(store_.get(), request, [this](std::string_view name_space) { return name_space != hidden_; });
  }
  // Names without "namespaces/" of the page; the request goes on behind it.
  std::vector<std::string> List(cohort::v1::ListJobsRequest* request) {
    const auto response = Page(*request);
    EXPECT_OK(response);
    std::vector<std::string> names;
    for (const auto& job : response->jobs()) names.push_back(job.name().substr(11));
    request->set_page_token(response->next_page_token());
    return names;
  }
  std::vector<std::string> ListLabelled(const Labels& labels) {
    cohort::v1::ListJobsRequest request;
    for (const auto& [label, value] : labels) (*request.mutable_labels())[label] = value;
    return List(&request);
  }
  void ExpectRefused(const cohort::v1::ListJobsRequest& request, const std::string& field) {
    EXPECT_THAT(Page(request), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(field + ": ")));
  }

  std::unique_ptr<JobStore> store_ = MakeInMemoryJobStore();
  std::string hidden_;
};

TEST_F(JobListTest, PagesFollowEachOtherNewestFirst) {
  for (int i = 0; i < 5; ++i) Add(absl::StrCat("default/jobs/job-", i));
  Add("other/jobs/job-9");
  cohort::v1::ListJobsRequest request;
  request.set_page_size(2);
  EXPECT_THAT(List(&request), ElementsAre("default/jobs/job-4", "default/jobs/job-3"));
  EXPECT_THAT(List(&request), ElementsAre("default/jobs/job-2", "default/jobs/job-1"));
  EXPECT_THAT(List(&request), ElementsAre("default/jobs/job-0"));
  EXPECT_EQ(request.page_token(), "");
}

TEST_F(JobListTest, OrderOfCreationIsPagedBothWays) {
  for (int i = 0; i < 5; ++i) Add(absl::StrCat("default/jobs/job-", i));
  cohort::v1::ListJobsRequest request;
  request.set_page_size(2);
  request.set_order_by(" create_time ");
  EXPECT_THAT(List(&request), ElementsAre("default/jobs/job-0", "default/jobs/job-1"));
  Add("default/jobs/job-5");
  EXPECT_THAT(List(&request), ElementsAre("default/jobs/job-2", "default/jobs/job-3"));
  EXPECT_THAT(List(&request), ElementsAre("default/jobs/job-4", "default/jobs/job-5"));
  EXPECT_EQ(request.page_token(), "");
  request.set_order_by("create_time  desc");
  EXPECT_THAT(List(&request), ElementsAre("default/jobs/job-5", "default/jobs/job-4"));
  EXPECT_THAT(List(&request), ElementsAre("default/jobs/job-3", "default/jobs/job-2"));
}

TEST_F(JobListTest, OrdersThatCannotBePagedAreRefused) {
  for (const char* order_by :
       {"update_time", "create_time asc", "create_time,name", "create_time desc desc", "CREATE_TIME", "desc", ","}) {
    cohort::v1::ListJobsRequest request;
    request.set_order_by(order_by);
    ExpectRefused(request, "order_by");
  }
}

TEST_F(JobListTest, TokenIsBoundToParentFiltersAndOrder) {
  for (int i = 0; i < 3; ++i) Add(absl::StrCat("default/jobs/job-", i));
  cohort::v1::ListJobsRequest request;
  request.set_page_size(1);
  List(&request);
  cohort::v1::ListJobsRequest other = request;
  other.set_state(cohort::v1::JOB_STATE_FAILED);
  ExpectRefused(other, "page_token");
  other = request;
  other.set_parent("namespaces/other");
  ExpectRefused(other, "page_token");
  other = request;
  (*other.mutable_labels())["team"] = "";
  ExpectRefused(other, "page_token");
  other = request;
  other.set_order_by("create_time");
  ExpectRefused(other, "page_token");
  request.set_page_size(2);
  EXPECT_OK(Page(request)) << "the next page may be larger";
}

TEST_F(JobListTest, LabelsAllHaveToHold) {
  Add("default/jobs/plain");
  Add("default/jobs/a", {{"team", "a"}});
  Add("default/jobs/b", {{"team", "b"}, {"size", "small"}});
  EXPECT_THAT(ListLabelled({{"team", "a"}}), ElementsAre("default/jobs/a"));
  EXPECT_THAT(ListLabelled({{"team", ""}}), ElementsAre("default/jobs/b", "default/jobs/a")) << "any value";
  EXPECT_THAT(ListLabelled({{"team", ""}, {"size", "small"}}), ElementsAre("default/jobs/b"));
  EXPECT_THAT(ListLabelled({{"team", "a"}, {"size", ""}}), IsEmpty());
}

TEST_F(JobListTest, AllNamespacesAreThoseThatTheCallerMaySee) {
  Add("a/jobs/x");
  Add("b/jobs/y");
  Add("c/jobs/z");
  cohort::v1::ListJobsRequest request;
  request.set_parent("namespaces/-");
  EXPECT_THAT(List(&request), ElementsAre("c/jobs/z", "b/jobs/y", "a/jobs/x"));
  hidden_ = "b";
  EXPECT_THAT(List(&request), ElementsAre("c/jobs/z", "a/jobs/x"));
  request.set_parent("namespaces/b");
  EXPECT_THAT(List(&request), IsEmpty());
}

TEST_F(JobListTest, FilterThatLetsNothingThroughEndsTheCallBeforeTheStore) {
  for (int i = 0; i < 5000; ++i) Add(absl::StrCat("default/jobs/job-", i));
  Add("default/jobs/newest", {{"team", "a"}});
  cohort::v1::ListJobsRequest request;
  (*request.mutable_labels())["team"] = "b";
  EXPECT_THAT(List(&request), IsEmpty());
  EXPECT_NE(request.page_token(), "") << "there are more to be looked at";
  EXPECT_THAT(List(&request), IsEmpty());
  EXPECT_EQ(request.page_token(), "");
}

TEST_F(JobListTest, WrongFieldsAreNamed) {
  cohort::v1::ListJobsRequest request;
  request.set_page_size(-1);
  ExpectRefused(request, "page_size");
  request.Clear();
  request.set_parent("namespaces/A");
  ExpectRefused(request, "parent");
  request.Clear();
  request.set_page_token("nonsense");
  ExpectRefused(request, "page_token");
  request.Clear();
  request.set_state(static_cast<cohort::v1::JobState>(77));
  ExpectRefused(request, "state");
  request.Clear();
  (*request.mutable_labels())[""] = "x";
  ExpectRefused(request, "labels");
}

TEST_F(JobListTest, PageOfLargeJobsIsCutBeforeItNoLongerFitsAMessage) {
  for (int i = 0; i < 60; ++i) Add(absl::StrCat("default/jobs/job-", i), {{"notes", std::string(100000, 'n')}});
  cohort::v1::ListJobsRequest request;
  request.set_page_size(1000);
  std::vector<std::string> all;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, Page(request));
    EXPECT_LT(page.ByteSizeLong(), size_t{4} << 20);
    ASSERT_GT(page.jobs_size(), 0);
    for (const auto& job : page.jobs()) all.push_back(job.name());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  ASSERT_EQ(all.size(), 60u);
  EXPECT_THAT(all.front(), ::testing::EndsWith("job-59"));
  EXPECT_THAT(all.back(), ::testing::EndsWith("job-0"));
}

}  // namespace
}  // namespace cohort::coordinator
