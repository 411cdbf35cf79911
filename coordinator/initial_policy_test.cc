// SPDX-License-Identifier: Apache-2.0
#include "coordinator/initial_policy.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/in_memory_job_store.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::IsOkAndHolds;
using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A job "first" with sealed checkpoints of versions 2 and 4, of which that of 2 was removed.
class InitialPolicyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    record_.job.set_name("namespaces/default/jobs/first");
    record_.job.set_state(cohort::v1::JOB_STATE_RUNNING);
    record_.job.set_checkpoint_path(folder_.Join("v4"));
    cohort::v1::JobEvent event;
    event.set_sequence(1);
    ASSERT_OK_AND_ASSIGN(record_, store_->CreateJob(record_, event));
    for (const int64_t version : {2, 3, 4}) {
      JobChange change;
      change.version = VersionRecord{.version = version};
      if (version != 3) change.version->checkpoint_path = folder_.Join("v" + std::to_string(version));
      ASSERT_OK(store_->Apply(record_.job.name(), change));
    }
    std::filesystem::create_directories(folder_.Join("v4"));
  }
  void EndAs(cohort::v1::JobState state) {
    JobChange change;
    change.job = record_;
    change.job->job.set_state(state);
    ASSERT_OK(store_->Apply(record_.job.name(), change));
  }
  absl::StatusOr<std::string> FromJob(const std::string& job, int64_t version,
                                      const std::string& name_space = "default") {
    cohort::v1::ModelSpec model;
    model.set_from_job(job);
    model.set_from_job_version(version);
    return InitialPolicyFolder(store_.get(), "/models", name_space, model);
  }

  common::TempDir folder_;
  std::unique_ptr<JobStore> store_ = MakeInMemoryJobStore();
  JobRecord record_;
};

TEST_F(InitialPolicyTest, PathIsBelowTheModelRoot) {
  cohort::v1::ModelSpec model;
  model.set_path("small");
  EXPECT_THAT(InitialPolicyFolder(store_.get(), "/models", "default", model), IsOkAndHolds("/models/small"));
  model.set_path("../../etc");
  EXPECT_THAT(InitialPolicyFolder(store_.get(), "/models", "default", model),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("model.path: ")));
  model.set_path("small");
  model.set_from_job_version(4);
  EXPECT_THAT(InitialPolicyFolder(store_.get(), "/models", "default", model),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("model.from_job_version: ")));
}

TEST_F(InitialPolicyTest, FinalCheckpointIsOfAJobThatHasSucceeded) {
  EXPECT_THAT(FromJob("first", 0), StatusIs(absl::StatusCode::kFailedPrecondition,
                                            AllOf(StartsWith("model.from_job: "), HasSubstr("JOB_STATE_RUNNING"))));
  EndAs(cohort::v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(FromJob("first", 0), IsOkAndHolds(folder_.Join("v4")));
}

TEST_F(InitialPolicyTest, JobThatTrainedNothingIsRefused) {
  record_.job.clear_checkpoint_path();
  EndAs(cohort::v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(FromJob("first", 0),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("model.from_job: the job trained nothing")));
}

TEST_F(InitialPolicyTest, SealedVersionIsOfAJobInAnyState) {
  EXPECT_THAT(FromJob("first", 4), IsOkAndHolds(folder_.Join("v4")));
  for (const auto state :
       {cohort::v1::JOB_STATE_FAILED, cohort::v1::JOB_STATE_CANCELLED, cohort::v1::JOB_STATE_SUCCEEDED}) {
    EndAs(state);
    EXPECT_THAT(FromJob("first", 4), IsOkAndHolds(folder_.Join("v4"))) << state;
  }
}

TEST_F(InitialPolicyTest, VersionWithoutACheckpointIsRefusedWithThoseThatHaveOne) {
  for (const int64_t version : {2, 3, 9}) {
    EXPECT_THAT(FromJob("first", version),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("model.from_job_version: "), HasSubstr("the newest are 4"))))
        << version;
  }
  std::filesystem::remove(folder_.Join("v4"));
  EXPECT_THAT(FromJob("first", 4), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("it has none")));
  EXPECT_THAT(FromJob("first", -1),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("model.from_job_version: ")));
}

TEST_F(InitialPolicyTest, JobOfAnotherNamespaceIsNotThere) {
  EXPECT_THAT(FromJob("first", 4, "other"),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("model.from_job: ")));
  EXPECT_THAT(FromJob("../x", 4), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("model.from_job: ")));
}

}  // namespace
}  // namespace cohort::coordinator
