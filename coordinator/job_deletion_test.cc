// SPDX-License-Identifier: Apache-2.0
// Etags, and how a job that has ended is forgotten.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class JobDeletionTest : public BenchCoordinator {
 protected:
  static cohort::v1::DeleteJobRequest Request(const std::string& id, bool with_run_folder = false) {
    cohort::v1::DeleteJobRequest request;
    request.set_name(NameOf(id));
    request.set_delete_run_folder(with_run_folder);
    return request;
  }
  // A job of one step that has succeeded and left a checkpoint.
  void Train(const std::string& id) {
    cohort::v1::JobSpec spec = SmallSftSpec();
    spec.mutable_training()->set_num_steps(1);
    ASSERT_OK(Create(id, spec));
    const auto place = Join();
    ASSERT_EQ(place.job(), NameOf(id));
    ASSERT_OK(GetPlan(place, 0));
    ASSERT_OK(Commit(place, 1, 'b'));
    ASSERT_OK(Seal(place, 1, 'b'));
    ASSERT_EQ(Get(id).state(), cohort::v1::JOB_STATE_SUCCEEDED);
  }
  cohort::v1::JobSpec SpecFrom(const std::string& id) {
    cohort::v1::JobSpec spec = SmallSftSpec();
    spec.mutable_model()->set_from_job(id);
    return spec;
  }
};

TEST_F(JobDeletionTest, RequestThatSawAnotherJobIsAbortedAndChangesNothing) {
  ASSERT_OK_AND_ASSIGN(const auto job, Create("sums", SmallSftSpec()));
  EXPECT_EQ(job.etag(), Get("sums").etag());
  ASSERT_OK_AND_ASSIGN(const auto paused, directory_->Pause(job.name(), job.etag()));
  EXPECT_NE(paused.etag(), job.etag());
  EXPECT_THAT(directory_->Resume(job.name(), job.etag()),
              StatusIs(absl::StatusCode::kAborted, AllOf(StartsWith("etag: "), HasSubstr(job.etag()))));
  EXPECT_THAT(directory_->Pause(job.name(), job.etag()), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(directory_->Cancel(job.name(), job.etag()), StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_PAUSED);
  Restart();
  EXPECT_EQ(Get("sums").etag(), paused.etag());
  ASSERT_OK_AND_ASSIGN(const auto cancelled, directory_->Cancel(job.name(), paused.etag()));
  directory_->Reap();
  EXPECT_EQ(Get("sums").etag(), cancelled.etag()) << "whoever answers";
  cohort::v1::DeleteJobRequest request = Request("sums");
  request.set_etag(paused.etag());
  EXPECT_THAT(directory_->Delete(request), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(directory_->Cancel(job.name(), paused.etag()), StatusIs(absl::StatusCode::kAborted));
  request.set_etag(cancelled.etag());
  EXPECT_OK(directory_->Delete(request));
}

TEST_F(JobDeletionTest, OnlyAJobThatHasEndedAndLeftItsRanksIsDeleted) {
  EXPECT_THAT(directory_->Delete(Request("sums")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(directory_->Delete(Request("../sums")), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(Create("sums", SmallSftSpec()));
  EXPECT_THAT(directory_->Delete(Request("sums")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("JOB_STATE_QUEUED")));
  const auto place = Join();
  ASSERT_OK(GetPlan(place, 0));
  ASSERT_OK(Runtime("sums")->Abandon(place.incarnation(), "loss is not finite"));
  EXPECT_THAT(directory_->Delete(Request("sums")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("have not left")));
  ASSERT_OK(Commit(place, 1, 'b')) << "the update that was under way";
  Runtime("sums")->LoseGang(place.incarnation(), "all ranks stopped as planned");
  ASSERT_OK(directory_->Delete(Request("sums")));
  EXPECT_THAT(directory_->Get(NameOf("sums")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(directory_->Pause(NameOf("sums")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(directory_->Delete(Request("sums")), StatusIs(absl::StatusCode::kNotFound)) << "deleted again";
  EXPECT_TRUE(store_.ListEvents(NameOf("sums"), 0, 100)->empty());
  Restart();
  EXPECT_TRUE(directory_->Runtimes().empty());
}

TEST_F(JobDeletionTest, RunFolderStaysUnlessItIsAskedForToo) {
  Train("first");
  Join();
  const std::string folder = folder_.Join("runs/default/first");
  ASSERT_OK(directory_->Delete(Request("first")));
  EXPECT_TRUE(std::filesystem::is_directory(folder + "/checkpoints/step-1"));
  EXPECT_THAT(Create("first", SmallSftSpec()), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(folder)));
  Train("second");
  Join();
  ASSERT_OK(directory_->Delete(Request("second", /*with_run_folder=*/true)));
  EXPECT_FALSE(std::filesystem::exists(folder_.Join("runs/default/second")));
  EXPECT_TRUE(std::filesystem::exists(folder));
  Train("second");
  EXPECT_EQ(store_.ListEvents(NameOf("second"), 0, 1)->front().sequence(), 1) << "a job of its own";
}

TEST_F(JobDeletionTest, JobThatAnotherOneBeginsWithIsKeptUntilThatHasEnded) {
  Train("first");
  Join();
  ASSERT_OK(Create("second", SpecFrom("first")));
  EXPECT_THAT(directory_->Delete(Request("first")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(NameOf("second"))));
  ASSERT_OK(directory_->Pause(NameOf("second")));
  EXPECT_THAT(directory_->Delete(Request("first")), StatusIs(absl::StatusCode::kFailedPrecondition)) << "it may go on";
  ASSERT_OK(directory_->Cancel(NameOf("second")));
  EXPECT_OK(directory_->Delete(Request("first")));
  EXPECT_THAT(Create("third", SpecFrom("first")),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("model.from_job: ")));
}

TEST_F(JobDeletionTest, DeletionThatCannotBeStoredIsAskedForAgain) {
  Train("sums");
  Join();
  fault_.store = absl::ResourceExhaustedError("No space left on device");
  EXPECT_THAT(directory_->Delete(Request("sums", /*with_run_folder=*/true)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("No space left on device")));
  EXPECT_OK(directory_->Get(NameOf("sums")));
  fault_.store = absl::OkStatus();
  EXPECT_OK(directory_->Delete(Request("sums", /*with_run_folder=*/true)));
}

TEST_F(JobDeletionTest, MetricsOfAKeptRunFolderStayUntilAnotherJobOfTheNameIsStored) {
  ASSERT_OK(Create("sums", SmallSftSpec()));
  ASSERT_OK(directory_->Cancel(NameOf("sums")));
  directory_->Reap();
  const std::string metrics = folder_.Join("runs/default/sums/metrics.jsonl");
  ASSERT_OK(common::WriteFileAtomically(metrics, "{\"kind\":\"step\"}\n"));
  ASSERT_OK(directory_->Delete(Request("sums")));
  // As when rows of the deleted job could not be removed.
  fault_.store = absl::AlreadyExistsError("a job has this name");
  EXPECT_THAT(Create("sums", SmallSftSpec()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(common::ReadFile(metrics), common::IsOkAndHolds("{\"kind\":\"step\"}\n"));
  fault_.store = absl::OkStatus();
  ASSERT_OK(Create("sums", SmallSftSpec()));
  EXPECT_THAT(common::ReadFile(metrics), common::IsOkAndHolds(""));
}

}  // namespace
}  // namespace cohort::coordinator
