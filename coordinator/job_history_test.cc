// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_history.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/in_memory_job_store.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

constexpr char kJob[] = "namespaces/default/jobs/a";

// A job with 5 steps; versions 2, 4 and 5 are sealed, the folder of 2 is gone.
class JobHistoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    JobRecord record;
    record.job.set_name(kJob);
    cohort::v1::JobEvent event;
    event.set_sequence(1);
    ASSERT_OK(store_->CreateJob(record, event));
    for (int64_t version = 1; version <= 5; ++version) {
      JobChange change;
      change.version = VersionRecord{.version = version, .digest = std::string(32, static_cast<char>(version))};
      if (version % 2 == 0 || version == 5) change.version->checkpoint_path = folder_.Join(absl::StrCat("v", version));
      event.set_sequence(version + 1);
      event.mutable_time()->set_seconds(100 + version);
      event.mutable_step()->set_policy_version(version);
      event.mutable_step()->set_num_steps(5);
      (*event.mutable_step()->mutable_metrics())["loss"] = static_cast<double>(version);
      (*event.mutable_step()->mutable_metrics())["entropy"] = 0.5;
      change.events = {event};
      ASSERT_OK(store_->Apply(kJob, change));
    }
    std::filesystem::create_directories(folder_.Join("v4"));
    std::filesystem::create_directories(folder_.Join("v5"));
  }
  cohort::v1::ListStepsRequest Steps() {
    cohort::v1::ListStepsRequest request;
    request.set_parent(kJob);
    return request;
  }
  cohort::v1::ListCheckpointsRequest Checkpoints() {
    cohort::v1::ListCheckpointsRequest request;
    request.set_parent(kJob);
    return request;
  }
  // Versions of the page; the request goes on behind it.
  std::vector<int64_t> Versions(cohort::v1::ListStepsRequest* request) {
    const auto response = ListSteps(store_.get(), *request);
    EXPECT_OK(response);
    std::vector<int64_t> versions;
    for (const auto& step : response->steps()) versions.push_back(step.step().policy_version());
    request->set_page_token(response->next_page_token());
    return versions;
  }
  void ExpectRefused(const cohort::v1::ListStepsRequest& request, const std::string& field) {
    EXPECT_THAT(ListSteps(store_.get(), request), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith(field)));
  }
  absl::StatusOr<cohort::v1::Checkpoint> Get(const std::string& name) {
    cohort::v1::GetCheckpointRequest request;
    request.set_name(name);
    return GetCheckpoint(store_.get(), request);
  }

  common::TempDir folder_;
  std::unique_ptr<JobStore> store_ = MakeInMemoryJobStore();
};

TEST_F(JobHistoryTest, StepsComeOldestFirstWithTimeAndMetrics) {
  ASSERT_OK_AND_ASSIGN(const auto response, ListSteps(store_.get(), Steps()));
  ASSERT_EQ(response.steps_size(), 5);
  EXPECT_EQ(response.next_page_token(), "");
  EXPECT_EQ(response.steps(1).time().seconds(), 102);
  EXPECT_EQ(response.steps(1).step().num_steps(), 5);
  EXPECT_THAT(response.steps(1).step().metrics(), UnorderedElementsAre(Pair("loss", 2.0), Pair("entropy", 0.5)));
}

TEST_F(JobHistoryTest, StepsCanBeCutToSomeMetricsAndVersions) {
  cohort::v1::ListStepsRequest request = Steps();
  request.set_first_version(4);
  request.add_metrics("loss");
  request.add_metrics("no_such_metric");
  ASSERT_OK_AND_ASSIGN(const auto response, ListSteps(store_.get(), request));
  ASSERT_EQ(response.steps_size(), 2);
  EXPECT_THAT(response.steps(0).step().metrics(), UnorderedElementsAre(Pair("loss", 4.0)));
}

TEST_F(JobHistoryTest, PagesOfStepsFollowEachOther) {
  cohort::v1::ListStepsRequest request = Steps();
  request.set_first_version(2);
  request.set_page_size(2);
  EXPECT_THAT(Versions(&request), ElementsAre(2, 3));
  EXPECT_THAT(Versions(&request), ElementsAre(4, 5));
  EXPECT_EQ(request.page_token(), "");
}

TEST_F(JobHistoryTest, PageOfStepsWithManyMetricsFitsAMessage) {
  for (int64_t version = 6; version <= 60; ++version) {
    JobChange change;
    cohort::v1::JobEvent& event = change.events.emplace_back();
    event.set_sequence(version + 1);
    event.mutable_step()->set_policy_version(version);
    (*event.mutable_step()->mutable_metrics())[std::string(200000, 'm')] = 1;
    ASSERT_OK(store_->Apply(kJob, change));
  }
  cohort::v1::ListStepsRequest request = Steps();
  request.set_page_size(1000);
  int64_t num_steps = 0;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, ListSteps(store_.get(), request));
    EXPECT_LT(page.ByteSizeLong(), size_t{4} << 20);
    num_steps += page.steps_size();
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(num_steps, 60);
}

TEST_F(JobHistoryTest, WrongFieldsOfStepsAreNamed) {
  cohort::v1::ListStepsRequest request = Steps();
  request.set_parent("a");
  ExpectRefused(request, "parent: ");
  request = Steps();
  request.set_page_size(-1);
  ExpectRefused(request, "page_size: ");
  request = Steps();
  request.set_first_version(-1);
  ExpectRefused(request, "first_version: ");
  request = Steps();
  request.add_metrics("");
  ExpectRefused(request, "metrics[0]: ");
  request = Steps();
  request.set_page_size(1);
  Versions(&request);
  request.add_metrics("loss");
  ExpectRefused(request, "page_token: ");
  request = Steps();
  request.set_parent("namespaces/default/jobs/b");
  EXPECT_THAT(ListSteps(store_.get(), request), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JobHistoryTest, SealedCheckpointsComeNewestFirstAndSayWhetherTheyAreThere) {
  cohort::v1::ListCheckpointsRequest request = Checkpoints();
  request.set_page_size(2);
  ASSERT_OK_AND_ASSIGN(const auto first, ListCheckpoints(store_.get(), request));
  ASSERT_EQ(first.checkpoints_size(), 2);
  EXPECT_EQ(first.checkpoints(0).name(), absl::StrCat(kJob, "/checkpoints/5"));
  EXPECT_EQ(first.checkpoints(0).path(), folder_.Join("v5"));
  EXPECT_EQ(first.checkpoints(0).digest(), std::string(32, '\5'));
  EXPECT_TRUE(first.checkpoints(0).exists());
  EXPECT_EQ(first.checkpoints(1).policy_version(), 4);
  request.set_page_token(first.next_page_token());
  ASSERT_OK_AND_ASSIGN(const auto second, ListCheckpoints(store_.get(), request));
  ASSERT_EQ(second.checkpoints_size(), 1);
  EXPECT_EQ(second.checkpoints(0).policy_version(), 2);
  EXPECT_FALSE(second.checkpoints(0).exists());
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(JobHistoryTest, CheckpointIsFoundByVersionOrAsTheLatest) {
  EXPECT_EQ(Get(absl::StrCat(kJob, "/checkpoints/4"))->path(), folder_.Join("v4"));
  EXPECT_EQ(Get(absl::StrCat(kJob, "/checkpoints/latest"))->policy_version(), 5);
  EXPECT_THAT(Get(absl::StrCat(kJob, "/checkpoints/3")), StatusIs(absl::StatusCode::kNotFound)) << "not sealed";
  EXPECT_THAT(Get("namespaces/default/jobs/b/checkpoints/latest"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Get(kJob), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("name: ")));
}

TEST_F(JobHistoryTest, WrongFieldsOfCheckpointListsAreNamed) {
  cohort::v1::ListCheckpointsRequest request = Checkpoints();
  request.set_parent("namespaces/default");
  EXPECT_THAT(ListCheckpoints(store_.get(), request),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("parent: ")));
  request = Checkpoints();
  request.set_page_token("x");
  EXPECT_THAT(ListCheckpoints(store_.get(), request),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("page_token: ")));
}

}  // namespace
}  // namespace cohort::coordinator
