// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_directory.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/in_memory_job_store.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"
#include "prometheus/registry.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class JobDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(folder_.Join("problems.jsonl")) << "{\"question\": \"1 + 1 =\", \"answer\": \"2\"}\n";
    context_ = {.store = store_.get(),
                .clock = &clock_,
                .metrics = &metrics_,
                .workers = &workers_,
                .groups_signal = &signal_,
                .plans_signal = &signal_,
                .events_signal = &signal_,
                .epoch = 1,
                .lease_duration = absl::Seconds(30),
                .data_root = folder_.path(),
                .model_root = "/models",
                .checkpoint_root = folder_.Join("runs")};
    directory_ = *JobDirectory::Open(&context_, [this](const cohort::v1::JobSpec& spec, const std::string& path) {
      model_paths_.push_back(path);
      return preflight_.ok() ? absl::StatusOr<cohort::v1::JobSpec>(spec) : preflight_;
    });
  }
  static cohort::v1::CreateJobRequest Request(const std::string& id, const std::string& request_id = "") {
    cohort::v1::CreateJobRequest request;
    request.set_job_id(id);
    request.set_request_id(request_id);
    *request.mutable_job()->mutable_spec() = SmallRlvrSpec();
    return request;
  }
  std::vector<std::string> List(const cohort::v1::ListJobsRequest& request, std::string* next) {
    const auto response = directory_->List(request);
    EXPECT_OK(response);
    std::vector<std::string> names;
    for (const auto& job : response->jobs()) names.push_back(job.name());
    *next = response->next_page_token();
    return names;
  }

  common::TempDir folder_;
  common::SimulatedClock clock_;
  prometheus::Registry registry_;
  CoordinatorMetrics metrics_{&registry_};
  WorkerRegistry workers_{absl::Seconds(90)};
  ChangeSignal signal_;
  std::unique_ptr<JobStore> store_ = MakeInMemoryJobStore();
  CoordinatorContext context_;
  absl::Status preflight_;
  std::vector<std::string> model_paths_;
  std::unique_ptr<JobDirectory> directory_;
};

TEST_F(JobDirectoryTest, CreatedJobIsQueuedWithItsResolvedSpec) {
  ASSERT_OK_AND_ASSIGN(const auto job, directory_->Create(Request("sums")));
  EXPECT_EQ(job.name(), "namespaces/default/jobs/sums");
  EXPECT_EQ(job.state(), cohort::v1::JOB_STATE_QUEUED);
  EXPECT_EQ(job.spec().checkpoint().keep_last(), 2);
  EXPECT_EQ(job.spec_digest().size(), 64u);
  EXPECT_THAT(model_paths_, ElementsAre("/models/model"));
  EXPECT_EQ(directory_->Get(job.name())->SerializeAsString(), job.SerializeAsString());
  EXPECT_THAT(directory_->Get("namespaces/default/jobs/other"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JobDirectoryTest, SameRequestIdGivesTheFirstAnswerAndAnotherBodyIsRefused) {
  ASSERT_OK_AND_ASSIGN(const auto first, directory_->Create(Request("sums", "uuid-1")));
  ASSERT_OK(directory_->Cancel(first.name()));
  ASSERT_OK_AND_ASSIGN(const auto again, directory_->Create(Request("sums", "uuid-1")));
  EXPECT_EQ(again.name(), first.name());
  EXPECT_THAT(directory_->Create(Request("other", "uuid-1")),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("request_id: ")));
  EXPECT_THAT(directory_->Create(Request("sums", "uuid-2")), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(directory_->Create(Request("sums")), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(JobDirectoryTest, ValidateOnlyRunsTheChecksAndChangesNothing) {
  cohort::v1::CreateJobRequest request = Request("sums", "uuid-1");
  request.set_validate_only(true);
  ASSERT_OK_AND_ASSIGN(const auto job, directory_->Create(request));
  EXPECT_EQ(job.spec().checkpoint().keep_last(), 2);
  EXPECT_THAT(directory_->Get(job.name()), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(std::filesystem::exists(folder_.Join("runs")));
  preflight_ = absl::InvalidArgumentError("model.path: broken");
  EXPECT_THAT(directory_->Create(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("broken")));
  preflight_ = absl::OkStatus();
  request.set_validate_only(false);
  EXPECT_OK(directory_->Create(request)) << "the request id was not used up";
}

TEST_F(JobDirectoryTest, RefusedJobLeavesNothing) {
  preflight_ = absl::InvalidArgumentError("rlvr.data: row 3");
  EXPECT_THAT(directory_->Create(Request("sums")), StatusIs(absl::StatusCode::kInvalidArgument));
  cohort::v1::CreateJobRequest bad = Request("sums");
  bad.mutable_job()->mutable_spec()->mutable_rlvr()->mutable_rollout()->set_group_size(1);
  EXPECT_THAT(directory_->Create(bad),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("rlvr.rollout.group_size: ")));
  EXPECT_THAT(directory_->Create(Request("Sums")),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("job_id: ")));
  EXPECT_TRUE(directory_->Runtimes().empty());
  EXPECT_FALSE(std::filesystem::exists(folder_.Join("runs")));
}

TEST_F(JobDirectoryTest, RunFolderWithForeignCheckpointsIsRefused) {
  std::filesystem::create_directories(folder_.Join("runs/default/sums/checkpoints/step-1"));
  EXPECT_THAT(directory_->Create(Request("sums")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("runs/default/sums/checkpoints")));
}

TEST_F(JobDirectoryTest, FromJobNamesWhatIsMissing) {
  cohort::v1::CreateJobRequest request = Request("second");
  request.mutable_job()->mutable_spec()->mutable_model()->set_from_job("first");
  EXPECT_THAT(directory_->Create(request),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("model.from_job: ")));
  ASSERT_OK(directory_->Create(Request("first")));
  EXPECT_THAT(directory_->Create(request), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("first is")));
}

TEST_F(JobDirectoryTest, ListGivesPagesBoundToTheirQuestion) {
  for (int i = 0; i < 5; ++i) ASSERT_OK(directory_->Create(Request(absl::StrCat("job-", i))));
  cohort::v1::CreateJobRequest elsewhere = Request("job-9");
  elsewhere.set_parent("namespaces/other");
  ASSERT_OK(directory_->Create(elsewhere));
  const std::string prefix = "namespaces/default/jobs/job-";
  cohort::v1::ListJobsRequest request;
  request.set_page_size(2);
  std::string next;
  EXPECT_THAT(List(request, &next), ElementsAre(prefix + "4", prefix + "3"));
  request.set_page_token(next);
  EXPECT_THAT(List(request, &next), ElementsAre(prefix + "2", prefix + "1"));
  request.set_page_token(next);
  EXPECT_THAT(List(request, &next), ElementsAre(prefix + "0"));
  EXPECT_EQ(next, "");
  request.set_state(cohort::v1::JOB_STATE_FAILED);
  EXPECT_THAT(directory_->List(request), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("page_token: ")));
  request.clear_page_token();
  EXPECT_TRUE(List(request, &next).empty());
  request.set_page_size(-1);
  EXPECT_THAT(directory_->List(request), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("page_size: ")));
}

TEST_F(JobDirectoryTest, PageOfLargeJobsIsCutBeforeItNoLongerFitsAMessage) {
  for (int i = 0; i < 60; ++i) {
    cohort::v1::CreateJobRequest request = Request(absl::StrCat("job-", i));
    (*request.mutable_job()->mutable_spec()->mutable_labels())["notes"] = std::string(100000, 'n');
    ASSERT_OK(directory_->Create(request));
  }
  cohort::v1::ListJobsRequest request;
  request.set_page_size(1000);
  std::vector<std::string> all;
  std::string next;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, directory_->List(request));
    EXPECT_LT(page.ByteSizeLong(), size_t{4} << 20);
    ASSERT_GT(page.jobs_size(), 0);
    for (const auto& job : page.jobs()) all.push_back(job.name());
    next = page.next_page_token();
    request.set_page_token(next);
  } while (!next.empty());
  ASSERT_EQ(all.size(), 60u);
  EXPECT_THAT(all.front(), ::testing::EndsWith("job-59"));
  EXPECT_THAT(all.back(), ::testing::EndsWith("job-0"));
}

TEST_F(JobDirectoryTest, JobWhoseRunFolderCannotBeMadeIsNotStored) {
  std::filesystem::create_directories(folder_.Join("runs/default"));
  std::ofstream(folder_.Join("runs/default/sums")) << "in the way";
  EXPECT_THAT(directory_->Create(Request("sums", "uuid-1")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("runs/default/sums")));
  EXPECT_THAT(directory_->Get("namespaces/default/jobs/sums"), StatusIs(absl::StatusCode::kNotFound));
  std::filesystem::remove(folder_.Join("runs/default/sums"));
  EXPECT_OK(directory_->Create(Request("sums", "uuid-1")));
  EXPECT_TRUE(std::filesystem::is_directory(folder_.Join("runs/default/sums/checkpoints")));
}

TEST_F(JobDirectoryTest, QueuedJobIsCancelledAtOnceAndLetGo) {
  ASSERT_OK_AND_ASSIGN(const auto job, directory_->Create(Request("sums")));
  EXPECT_EQ(directory_->Cancel(job.name())->state(), cohort::v1::JOB_STATE_CANCELLED);
  EXPECT_TRUE(directory_->Cancel(job.name())->has_end_time());
  directory_->Reap();
  EXPECT_TRUE(directory_->Runtimes().empty());
  EXPECT_EQ(directory_->Cancel(job.name())->state(), cohort::v1::JOB_STATE_CANCELLED) << "unchanged";
  EXPECT_THAT(directory_->Cancel("nonsense"), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace cohort::coordinator
