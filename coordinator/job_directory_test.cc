// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_directory.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "common/sha256.h"
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
    directory_ = *JobDirectory::Open(
        &context_, [this](const cohort::v1::JobSpec& spec, const std::string& path, const DatasetRoots&) {
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

TEST_F(JobDirectoryTest, UploadedDatasetThatIsNotThereIsNotFoundByField) {
  ASSERT_OK_AND_ASSIGN(const auto datasets, DatasetStore::Open(folder_.Join("datasets"), 1000, &clock_));
  context_.datasets = datasets.get();
  const std::string row = "{\"question\": \"1 + 1 =\", \"answer\": \"2\"}\n";
  const std::string sha256 = common::HexOf(common::Sha256Of(row));
  cohort::v1::CreateJobRequest request = Request("sums");
  request.mutable_job()->mutable_spec()->mutable_rlvr()->mutable_data()->mutable_uploaded()->set_sha256(sha256);
  EXPECT_THAT(directory_->Create(request),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("rlvr.data.uploaded.sha256: ")));
  ASSERT_OK_AND_ASSIGN(const auto upload, datasets->BeginUpload("default", sha256));
  ASSERT_OK(upload->Append(row));
  ASSERT_OK(upload->Finish());
  EXPECT_OK(directory_->Create(request));
  request.set_parent("namespaces/other");
  EXPECT_THAT(directory_->Create(request), StatusIs(absl::StatusCode::kNotFound)) << "uploads are of one namespace";
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
