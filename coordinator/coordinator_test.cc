// SPDX-License-Identifier: Apache-2.0
// Whole jobs through the real services on loopback, with workers and ranks that have no model.
#include "coordinator/coordinator.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/coordinator_fixture.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"
#include "rollout_log/recorded_run.h"
#include "rollout_log/rollout_reader.h"

namespace cohort::coordinator {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;

using CoordinatorTest = CoordinatorFixture;

TEST_F(CoordinatorTest, RlvrJobTrainsEveryGroupOnceAndSucceeds) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_training()->set_world_size(2);
  AddEvaluation("sampled", 2, 0.5, &spec);
  AddEvaluation("greedy", 1, 0.9, &spec);
  spec.mutable_evaluation()->set_every_steps(2);
  const std::string job = Submit("sums", spec);
  StartWorkers(2, FirstSiblingIsRight());
  StartLearners(2);
  const auto events = WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
  EXPECT_THAT(Get(job).checkpoint_path(), HasSubstr("runs/default/sums/checkpoints/step-3"));
  for (int64_t v = 0; v < 3; ++v) {
    EXPECT_THAT(record_.Payload(v), ElementsAre(4 * v, 4 * v + 1, 4 * v + 2, 4 * v + 3)) << v;
  }
  std::vector<std::string> evaluations;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].sequence(), static_cast<int64_t>(i) + 1);
    if (!events[i].has_evaluation()) continue;
    const auto& report = events[i].evaluation();
    evaluations.push_back(absl::StrCat(report.result().run(), " ", report.result().policy_version()));
    EXPECT_EQ(report.samples_size(), 3);
    EXPECT_EQ(report.samples(0).prompt(), "0 + 7 =");
    EXPECT_DOUBLE_EQ(report.result().accuracy(), report.result().run() == "greedy" ? 1.0 : 0.5);
  }
  ASSERT_OK_AND_ASSIGN(const auto recorded,
                       rollout_log::ReadRecordedRun(loopback_.folder().Join("runs/default/sums/steps.log")));
  ASSERT_EQ(recorded.steps.size(), 3u);
  ASSERT_EQ(recorded.steps[2].groups_size(), 4);
  ASSERT_OK_AND_ASSIGN(const auto group,
                       rollout_log::ReadRollouts(recorded.run.rollout_log_directory(),
                                                 rollout_log::FromProto(recorded.steps[2].groups(1))));
  EXPECT_EQ(group.group_id(), 9);
  EXPECT_THAT(evaluations, ElementsAre("sampled 0", "greedy 0", "sampled 2", "greedy 2", "sampled 3", "greedy 3"));
  const auto steps = Steps(events);
  ASSERT_EQ(steps.size(), 3u);
  const std::map<std::string, double> metrics(steps[0].metrics().begin(), steps[0].metrics().end());
  EXPECT_DOUBLE_EQ(metrics.at("accuracy"), 0.5);
  EXPECT_DOUBLE_EQ(metrics.at("loss"), 0.25);
  EXPECT_DOUBLE_EQ(metrics.at("completion_tokens_mean"), 2.5);
  EXPECT_THAT(metrics, AllOf(Contains(Key("step_seconds")), Contains(Key("generation_tokens_per_second"))));
  std::ifstream file(loopback_.folder().Join("runs/default/sums/metrics.jsonl"));
  std::string line;
  int num_lines = 0;
  while (std::getline(file, line)) ++num_lines;
  EXPECT_EQ(num_lines, 9) << "three steps and six evaluations";
}

TEST_F(CoordinatorTest, LaggedJobSamplesEachStepWithTheVersionThatTheLagSays) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_rlvr()->mutable_rollout()->set_fixed_lag(1);
  const std::string job = Submit("lagged", spec);
  StartWorkers(2, FirstSiblingIsRight());
  StartLearners(1);
  WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
  std::vector<int64_t> ids;
  for (int64_t id = 0; id < 12; ++id) ids.push_back(id);
  const auto groups = loopback_.coordinator().context().store->GetGroups(job, ids);
  ASSERT_TRUE(groups.ok());
  for (const GroupRecord& group : *groups) {
    EXPECT_EQ(group.state, GroupState::kTrained);
    EXPECT_EQ(group.policy_version, std::max<int64_t>(0, group.step - 1)) << group.group_id;
  }
}

TEST_F(CoordinatorTest, DynamicSamplingReplacesGroupsWithoutASignalBeforeThePlan) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  cohort::v1::DynamicSamplingSpec& dynamic = *spec.mutable_objective()->mutable_dynamic_sampling();
  dynamic.set_enabled(true);
  dynamic.set_max_rounds(3);
  AddEvaluation("greedy", 1, 0, &spec);
  const std::string job = Submit("dynamic", spec);
  // Every third group has no signal.
  StartWorkers(2, [](const cohort::v1::GroupAssignment& assignment, int sibling, cohort::v1::Rollout* rollout) {
    rollout->set_reward(assignment.group_id() % 3 == 0 ? 1 : sibling == 0);
  });
  StartLearners(1);
  const auto steps = Steps(WatchToEnd(job));
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
  ASSERT_EQ(steps.size(), 3u);
  for (const auto& step : steps) {
    EXPECT_EQ(step.metrics().at("groups"), 4);
    EXPECT_EQ(step.metrics().at("sampled_groups"), 6);
  }
  // 0 and 3 are dropped; 4 and 5 replace them. The next step goes on behind.
  EXPECT_THAT(record_.Payload(0), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(record_.Payload(1), ElementsAre(7, 8, 10, 11));
  EXPECT_EQ(Get(job).dropped_groups().at("zero_signal"), 6);
}

TEST_F(CoordinatorTest, SftJobTrainsOnEveryRowOfAnEpochBeforeRepeating) {
  cohort::v1::JobSpec spec = SmallSftSpec();
  spec.mutable_sft()->set_sequences_per_step(5);
  spec.mutable_training()->set_num_steps(4);
  spec.mutable_training()->set_world_size(2);
  const std::string job = Submit("warm-start", spec);
  StartLearners(2);
  WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(job).state_reason();
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    std::multiset<int64_t> rows = record_.Payload(2 * epoch);
    for (const int64_t row : record_.Payload(2 * epoch + 1)) rows.insert(row);
    EXPECT_THAT(rows, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
  }
}

TEST_F(CoordinatorTest, JobStartsFromTheCheckpointOfASucceededJob) {
  const std::string first = Submit("warm-start", SmallSftSpec());
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_model()->set_from_job("warm-start");
  cohort::v1::CreateJobRequest request;
  request.set_job_id("sums");
  *request.mutable_job()->mutable_spec() = spec;
  cohort::v1::Job job;
  grpc::ClientContext context;
  const grpc::Status early = loopback_.Connect().jobs->CreateJob(&context, request, &job);
  EXPECT_EQ(early.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(early.error_message(), HasSubstr("warm-start is JOB_STATE_QUEUED"));
  StartLearners(1);
  StartWorkers(1, FirstSiblingIsRight());
  WatchToEnd(first);
  const std::string second = Submit("sums", spec);
  EXPECT_EQ(loopback_.coordinator().context().store->GetJob(second)->model_path, Get(first).checkpoint_path());
  WatchToEnd(second);
  EXPECT_EQ(Get(second).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(second).state_reason();
}

TEST_F(CoordinatorTest, NoVerdictShareAboveTheBoundFailsTheJobByName) {
  const std::string job = Submit("sums", SmallRlvrSpec());
  StartLearners(1);
  StartWorkers(1, [](const cohort::v1::GroupAssignment&, int sibling, cohort::v1::Rollout* rollout) {
    if (sibling == 1) rollout->set_outcome(cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  });
  WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_EQ(Get(job).state_reason(),
            "step 0: 4 of 8 completions had no verdict, more than rlvr.reward.max_no_verdict_share (0.1)");
}

TEST_F(CoordinatorTest, FinalAccuracyBelowTheMinimumFailsTheJobByName) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  AddEvaluation("sampled", 2, 0.8, &spec);
  const std::string job = Submit("sums", spec);
  StartLearners(1);
  StartWorkers(1, FirstSiblingIsRight());
  WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_EQ(Get(job).state_reason(), "final evaluation sampled: accuracy 0.5 is below min_final_accuracy (0.8)");
  EXPECT_EQ(Get(job).policy_version(), 3);
}

TEST_F(CoordinatorTest, FinalRewardBelowTheMinimumFailsTheJobByName) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  AddEvaluation("sampled", 2, 0, &spec);
  spec.mutable_evaluation()->mutable_runs(0)->set_min_final_reward(0.75);
  const std::string job = Submit("sums", spec);
  StartLearners(1);
  StartWorkers(1, FirstSiblingIsRight());
  WatchToEnd(job);
  EXPECT_EQ(Get(job).state(), cohort::v1::JOB_STATE_FAILED);
  EXPECT_EQ(Get(job).state_reason(), "final evaluation sampled: mean reward 0.5 is below min_final_reward (0.75)");
}

TEST_F(CoordinatorTest, CancelledJobStopsAndTheNextJobGetsTheRanks) {
  cohort::v1::JobSpec endless = SmallRlvrSpec();
  endless.mutable_training()->set_num_steps(100000);
  const std::string first = Submit("first", endless);
  const std::string second = Submit("second", SmallSftSpec());
  const std::string queued = Submit("queued", SmallSftSpec());
  const CoordinatorStubs stubs = loopback_.Connect();
  cohort::v1::CancelJobRequest request;
  request.set_name(queued);
  cohort::v1::Job job;
  grpc::ClientContext cancel_queued;
  ASSERT_TRUE(stubs.jobs->CancelJob(&cancel_queued, request, &job).ok());
  EXPECT_EQ(job.state(), cohort::v1::JOB_STATE_CANCELLED);
  StartLearners(1);
  StartWorkers(1, FirstSiblingIsRight());
  record_.AwaitVersion(1);
  request.set_name(first);
  grpc::ClientContext cancel_running;
  ASSERT_TRUE(stubs.jobs->CancelJob(&cancel_running, request, &job).ok());
  WatchToEnd(first);
  EXPECT_EQ(Get(first).state(), cohort::v1::JOB_STATE_CANCELLED);
  WatchToEnd(second);
  EXPECT_EQ(Get(second).state(), cohort::v1::JOB_STATE_SUCCEEDED) << Get(second).state_reason();
}

TEST_F(CoordinatorTest, WatchGoesOnAfterTheResumeToken) {
  const std::string job = Submit("warm-start", SmallSftSpec());
  StartLearners(1);
  const auto all = WatchToEnd(job);
  const auto rest = WatchToEnd(job, all[1].sequence());
  ASSERT_EQ(rest.size(), all.size() - 2);
  EXPECT_EQ(rest.front().sequence(), 3);
  EXPECT_EQ(rest.back().state_changed().state(), cohort::v1::JOB_STATE_SUCCEEDED);
}

}  // namespace
}  // namespace cohort::coordinator
