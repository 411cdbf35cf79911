// SPDX-License-Identifier: Apache-2.0
// Reading whole jobs back through the real services on loopback, and jobs on uploaded datasets.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/testing/status_matchers.h"
#include "common/version.h"
#include "coordinator/testing/coordinator_fixture.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class JobReadingTest : public CoordinatorFixture {
 protected:
  // An RLVR job with 12 training groups of 2, and evaluations of 3 problems before and after.
  std::string RunJob(const std::string& id) {
    cohort::v1::JobSpec spec = SmallRlvrSpec();
    spec.mutable_checkpoint()->set_every_steps(2);
    AddEvaluation("greedy", 1, 0, &spec);
    const std::string job = Submit(id, spec);
    StartWorkers(1, FirstSiblingIsRight());
    StartLearners(1);
    WatchToEnd(job);
    EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
    return job;
  }
  cohort::v1::ListRolloutsResponse Rollouts(const cohort::v1::ListRolloutsRequest& request) {
    grpc::ClientContext context;
    cohort::v1::ListRolloutsResponse response;
    const grpc::Status status = loopback_.Connect().jobs->ListRollouts(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // Of all pages.
  std::vector<int64_t> GroupIds(cohort::v1::ListRolloutsRequest request) {
    std::vector<int64_t> ids;
    do {
      const auto response = Rollouts(request);
      for (const auto& stored : response.rollouts()) ids.push_back(stored.group().group_id());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }
  grpc::Status Upload(const std::string& content, const std::string& sha256,
                      cohort::v1::UploadDatasetResponse* response) {
    grpc::ClientContext context;
    const auto stubs = loopback_.Connect();
    const auto writer = stubs.jobs->UploadDataset(&context, response);
    cohort::v1::UploadDatasetRequest message;
    message.set_sha256(sha256);
    writer->Write(message);
    message.Clear();
    message.set_chunk(content);
    writer->Write(message);
    writer->WritesDone();
    return writer->Finish();
  }
};

TEST_F(JobReadingTest, CoordinatorSaysWhatItIs) {
  grpc::ClientContext context;
  cohort::v1::ProgramVersion version;
  ASSERT_TRUE(loopback_.Connect().jobs->GetVersion(&context, cohort::v1::GetVersionRequest(), &version).ok());
  EXPECT_EQ(version.program(), "cohort-coordinator");
  EXPECT_EQ(version.version(), common::kVersion);
  EXPECT_EQ(version.compiler(), common::CompilerText());
  EXPECT_EQ(version.build_mode(), common::BuildModeText());
}

TEST_F(JobReadingTest, RolloutsComeWithPromptGroundTruthAndFate) {
  cohort::v1::ListRolloutsRequest request;
  request.set_parent(RunJob("sums"));
  request.set_page_size(5);
  const std::vector<int64_t> ids = GroupIds(request);
  ASSERT_EQ(ids.size(), 18u) << "12 training groups and two evaluations of 3";
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(std::set<int64_t>(ids.begin(), ids.end()).size(), 18u);

  const auto page = Rollouts(request);
  ASSERT_EQ(page.rollouts_size(), 5);
  const auto& stored = page.rollouts(4);
  EXPECT_EQ(stored.step(), 1);
  EXPECT_EQ(stored.fate(), "trained");
  EXPECT_EQ(stored.prompt(), absl::StrCat(stored.group().problem_id(), " + 1 ="));
  EXPECT_EQ(stored.answer(), absl::StrCat(stored.group().problem_id() + 1));
  ASSERT_EQ(stored.group().rollouts_size(), 2);
  EXPECT_EQ(stored.group().rollouts(1).token_ids_size(), 3);
  EXPECT_EQ(stored.group().rollouts(1).text(), "4");
}

TEST_F(JobReadingTest, RolloutsAreFilteredByGroupAndByCompletion) {
  cohort::v1::ListRolloutsRequest request;
  request.set_parent(RunJob("sums"));
  request.mutable_filter()->set_purpose(cohort::v1::GROUP_PURPOSE_EVALUATE);
  request.mutable_filter()->set_first_step(1);
  const auto last_evaluation = Rollouts(request);
  ASSERT_EQ(last_evaluation.rollouts_size(), 3);
  EXPECT_EQ(last_evaluation.rollouts(1).step(), 3);
  EXPECT_EQ(last_evaluation.rollouts(1).fate(), "evaluated");
  EXPECT_EQ(last_evaluation.rollouts(1).prompt(), "1 + 7 =") << "of the held-out problems";

  request.mutable_filter()->Clear();
  request.mutable_filter()->set_last_step(0);
  request.mutable_filter()->set_purpose(cohort::v1::GROUP_PURPOSE_TRAIN);
  request.mutable_filter()->set_max_reward(0.5);
  request.set_text_only(true);
  const auto wrong = Rollouts(request);
  ASSERT_EQ(wrong.rollouts_size(), 4);
  for (const auto& stored : wrong.rollouts()) {
    ASSERT_EQ(stored.group().rollouts_size(), 1);
    EXPECT_EQ(stored.group().rollouts(0).sibling(), 1);
    EXPECT_EQ(stored.group().rollouts(0).token_ids_size(), 0);
    EXPECT_EQ(stored.group().prompt_token_ids_size(), 0);
  }

  request.mutable_filter()->Clear();
  request.mutable_filter()->set_problem_id(wrong.rollouts(0).group().problem_id());
  request.mutable_filter()->set_purpose(cohort::v1::GROUP_PURPOSE_TRAIN);
  EXPECT_THAT(GroupIds(request), ::testing::Contains(wrong.rollouts(0).group().group_id()));
  request.mutable_filter()->set_min_reward(5);
  EXPECT_THAT(GroupIds(request), IsEmpty());
}

TEST_F(JobReadingTest, ReleasedPayloadIsCountedAndAChangedDatasetGivesNoPrompts) {
  cohort::v1::ListRolloutsRequest request;
  request.set_parent(RunJob("sums"));
  request.set_page_size(100);
  JobStore* const store = loopback_.coordinator().context().store;
  JobChange change;
  ASSERT_OK_AND_ASSIGN(change.groups, store->GetGroups(request.parent(), {0, 1, 2}));
  for (GroupRecord& group : change.groups) group.location = {};
  ASSERT_OK(store->Apply(request.parent(), change));
  const auto page = Rollouts(request);
  EXPECT_EQ(page.num_released_groups(), 3);
  EXPECT_EQ(page.rollouts_size(), 15);
  EXPECT_EQ(page.rollouts(0).group().group_id(), 3);
  EXPECT_NE(page.rollouts(0).prompt(), "");

  loopback_.WriteFile("problems.jsonl", "{\"question\": \"other\", \"answer\": \"rows\"}\n");
  loopback_.clock().Advance(absl::Minutes(1));
  const auto changed = Rollouts(request);
  EXPECT_EQ(changed.rollouts_size(), 15);
  EXPECT_EQ(changed.rollouts(0).prompt(), "");
  EXPECT_EQ(changed.rollouts(0).answer(), "");
}

TEST_F(JobReadingTest, WrongRolloutRequestsAreRefusedByField) {
  const auto refused = [this](const cohort::v1::ListRolloutsRequest& request) {
    grpc::ClientContext context;
    cohort::v1::ListRolloutsResponse response;
    return loopback_.Connect().jobs->ListRollouts(&context, request, &response);
  };
  cohort::v1::ListRolloutsRequest request;
  EXPECT_THAT(refused(request).error_message(), HasSubstr("parent: "));
  request.set_parent("namespaces/default/jobs/none");
  EXPECT_EQ(refused(request).error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_page_size(-1);
  EXPECT_THAT(refused(request).error_message(), HasSubstr("page_size: "));
  request.set_page_size(1);
  request.mutable_filter()->set_problem_id(-1);
  EXPECT_THAT(refused(request).error_message(), HasSubstr("filter.problem_id: "));
  request.clear_filter();
  for (const char* token : {"token", "0.token", "-1.MTc", "x.MTc", "."}) {
    request.set_page_token(token);
    EXPECT_THAT(refused(request).error_message(), HasSubstr("page_token: ")) << token;
  }
}

TEST_F(JobReadingTest, StepsAndCheckpointsOfAJobAreListed) {
  const std::string job = RunJob("sums");
  const CoordinatorStubs stubs = loopback_.Connect();
  cohort::v1::ListStepsRequest steps;
  steps.set_parent(job);
  steps.add_metrics("loss");
  cohort::v1::ListStepsResponse step_page;
  grpc::ClientContext steps_context;
  ASSERT_TRUE(stubs.jobs->ListSteps(&steps_context, steps, &step_page).ok());
  ASSERT_EQ(step_page.steps_size(), 3);
  EXPECT_EQ(step_page.steps(2).step().policy_version(), 3);
  EXPECT_EQ(step_page.steps(2).step().metrics().at("loss"), 0.25);

  cohort::v1::ListCheckpointsRequest checkpoints;
  checkpoints.set_parent(job);
  cohort::v1::ListCheckpointsResponse checkpoint_page;
  grpc::ClientContext list_context;
  ASSERT_TRUE(stubs.jobs->ListCheckpoints(&list_context, checkpoints, &checkpoint_page).ok());
  ASSERT_EQ(checkpoint_page.checkpoints_size(), 2);
  EXPECT_TRUE(checkpoint_page.checkpoints(1).exists());

  cohort::v1::GetCheckpointRequest latest;
  latest.set_name(job + "/checkpoints/latest");
  cohort::v1::Checkpoint checkpoint;
  grpc::ClientContext get_context;
  ASSERT_TRUE(stubs.jobs->GetCheckpoint(&get_context, latest, &checkpoint).ok());
  EXPECT_EQ(checkpoint.policy_version(), 3);
  EXPECT_EQ(checkpoint.path(), Get(job).checkpoint_path());

  cohort::v1::JobSpec next = SmallRlvrSpec();
  next.mutable_model()->set_from_job("sums");
  next.mutable_model()->set_from_job_version(2);
  const std::string second = Submit("second", next);
  EXPECT_THAT(loopback_.coordinator().context().store->GetJob(second)->model_path,
              HasSubstr("sums/checkpoints/step-2"));
}

TEST_F(JobReadingTest, JobTrainsOnAnUploadedDatasetAlsoAfterARestart) {
  std::string rows;
  for (int i = 0; i < 6; ++i) absl::StrAppend(&rows, R"({"question": "up )", i, R"(", "answer": ")", i, "\"}\n");
  const std::string sha256 = common::HexOf(common::Sha256Of(rows));
  cohort::v1::UploadDatasetResponse uploaded;
  EXPECT_THAT(Upload(rows, std::string(64, '0'), &uploaded).error_message(), HasSubstr("sha256: "));
  ASSERT_TRUE(Upload(rows, sha256, &uploaded).ok());
  EXPECT_EQ(uploaded.num_rows(), 6);
  EXPECT_FALSE(uploaded.existed());
  ASSERT_TRUE(Upload(rows, sha256, &uploaded).ok());
  EXPECT_TRUE(uploaded.existed());

  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_rlvr()->mutable_data()->mutable_uploaded()->set_sha256(sha256);
  const std::string job = Submit("uploaded", spec);
  loopback_.Kill();
  loopback_.Start();
  StartWorkers(1, FirstSiblingIsRight());
  StartLearners(1);
  WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
  cohort::v1::ListRolloutsRequest request;
  request.set_parent(job);
  EXPECT_THAT(Rollouts(request).rollouts(0).prompt(), HasSubstr("up "));
}

TEST_F(JobReadingTest, UploadIsKeptAsLongAsAJobNamesIt) {
  const std::string rows = "{\"question\": \"1 + 1 =\", \"answer\": \"2\"}\n";
  const std::string sha256 = common::HexOf(common::Sha256Of(rows));
  cohort::v1::UploadDatasetResponse uploaded;
  ASSERT_TRUE(Upload(rows, sha256, &uploaded).ok());
  cohort::v1::JobSpec spec = SmallSftSpec();
  spec.mutable_sft()->mutable_data()->mutable_uploaded()->set_sha256(sha256);
  const std::string job = Submit("uploaded", spec);
  Coordinator& coordinator = loopback_.coordinator();
  for (int day = 0; day < 3; ++day) {
    loopback_.clock().Advance(absl::Hours(25));
    coordinator.Tick();
  }
  const auto file = [&] { return coordinator.context().datasets->directory() + "/default/" + sha256 + ".jsonl"; };
  EXPECT_TRUE(std::filesystem::exists(file()));
  ASSERT_OK(coordinator.jobs().Cancel(job));
  ASSERT_OK(coordinator.context().store->DeleteJob(job));
  loopback_.clock().Advance(absl::Hours(25));
  coordinator.Tick();
  EXPECT_FALSE(std::filesystem::exists(file()));
}

}  // namespace
}  // namespace cohort::coordinator
