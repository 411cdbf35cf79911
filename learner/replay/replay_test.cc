// SPDX-License-Identifier: Apache-2.0
#include "learner/replay/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/sha256.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/job_setup.h"
#include "learner/replay/replay_command.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/tiny_model.h"
#include "model/parallel/single_rank_group.h"
#include "model/weight_sync/weight_digest.h"
#include "objective/job_context.h"
#include "objective/objective_resolution.h"
#include "rollout_log/recorded_run.h"

namespace cohort::learner {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kNumSteps = 3;

// A run of one rank, recorded as the coordinator does.
class ReplayTest : public ::testing::Test {
 protected:
  void SetUp() override {
    model_path_ = MakeTinyModel(dir_.path());
    cohort::v1::JobSpec& spec = *contents_.run.mutable_spec();
    auto& rollout = *spec.mutable_rlvr()->mutable_rollout();
    rollout.set_group_size(4);
    rollout.set_groups_per_step(4);
    rollout.mutable_sampling()->set_max_completion_tokens(10);
    spec.mutable_rlvr()->mutable_reward()->add_verifiers()->set_name("v");
    spec.mutable_optimizer()->set_learning_rate(0.02);
    spec.mutable_training()->set_num_steps(kNumSteps);
    spec.mutable_training()->set_updates_per_step(2);
    cohort::v1::ObjectiveSpec objective;
    objective.set_preset("grpo");
    ASSERT_OK_AND_ASSIGN(*spec.mutable_objective(),
                         objective::ResolveObjective(objective, objective::ContextOfJob(spec)));
    contents_.run.set_job("namespaces/default/jobs/recorded");
    contents_.run.set_model_path(model_path_);
    contents_.run.set_rollout_log_directory(dir_.Join("rollouts"));
    Record();
  }

  void Record() {
    const cohort::v1::JobSpec& spec = contents_.run.spec();
    ASSERT_OK_AND_ASSIGN(const auto log, rollout_log::RolloutLog::Open(dir_.Join("rollouts"), {}));
    ASSERT_OK_AND_ASSIGN(TrainState state, CreateTrainState(model_path_, spec.optimizer(), at::kCPU));
    ASSERT_OK_AND_ASSIGN(const auto objective, objective::Objective::Create(spec.objective()));
    model::SingleRankGroup group;
    TrainStep step(StepOptions(spec), objective.get(), nullptr, &group, &state);
    StepDataOptions options = DataOptions(spec, state.decoder->config());
    options.objective = objective.get();
    PhaseTimer timer(common::SystemClock());
    for (int version = 0; version < kNumSteps; ++version) {
      WholeStep whole = MakeRolloutStep(version, 4, 4);
      const std::vector<int64_t>& versions = versions_[version];
      for (size_t i = 0; i < versions.size(); ++i) whole.groups[i].set_policy_version(versions[i]);
      cohort::v1::RecordedStep& recorded = contents_.steps.emplace_back();
      *recorded.mutable_plan() = whole.plan;
      for (const cohort::v1::RolloutGroup& rollouts : whole.groups) {
        ASSERT_OK_AND_ASSIGN(const rollout_log::RecordLocation location, log->Append(rollouts));
        *recorded.add_groups() = rollout_log::ToProto(location);
      }
      ASSERT_OK_AND_ASSIGN(const StepData data, BuildStepData(whole.ForRank(0, 1), options));
      ASSERT_OK(step.Run(data, &timer));
      ASSERT_OK_AND_ASSIGN(const auto manifest, model::DescribeWeights(state.parameters->parameters()));
      recorded.set_digest(manifest.digest());
    }
    std::filesystem::create_directories(dir_.Join("run"));
    ASSERT_OK(rollout_log::WriteRecordedRun(dir_.Join("run/steps.log"), contents_));
  }

  ReplayOptions Options(int64_t first, int64_t last, const std::vector<std::string>& presets) const {
    ReplayOptions options{.run_directory = dir_.Join("run"), .first_step = first, .last_step = last};
    for (const std::string& preset : presets) {
      options.objectives.push_back({.name = preset});
      options.objectives.back().spec.set_preset(preset);
    }
    return options;
  }

  common::TempDir dir_;
  std::string model_path_;
  std::map<int, std::vector<int64_t>> versions_;  // that sampled the groups of a step, where not its own
  rollout_log::RecordedRunContents contents_;
};

TEST_F(ReplayTest, RecordedStepsComeOutByteEqualWhateverIsComparedOnTheWay) {
  std::vector<ReplayedRow> rows;
  ASSERT_OK_AND_ASSIGN(const ReplayFacts facts,
                       Replay(Options(2, 3, {"grpo", "gspo"}), [&](const ReplayedRow& row) { rows.push_back(row); }));
  EXPECT_EQ(facts.start_version, 0);
  EXPECT_EQ(facts.num_steps, 3);
  EXPECT_EQ(facts.num_exact_steps, 3);
  ASSERT_EQ(rows.size(), 4);  // two steps of two updates
  EXPECT_EQ(rows[0].step, 2);
  EXPECT_EQ(rows[3].step, 3);
  EXPECT_EQ(rows[3].update, 1);
}

TEST_F(ReplayTest, ObjectivesAgreeOnPolicyAndPartAfterwards) {
  std::vector<ReplayedRow> rows;
  // Reductions are the same for these two: only level and clip range of the ratio differ.
  ReplayOptions options = Options(1, 1, {"grpo", "gspo"});
  for (ReplayedObjective& objective : options.objectives) {
    objective.spec.set_loss_reduction(cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN);
  }
  ASSERT_OK(Replay(options, [&](const ReplayedRow& row) { rows.push_back(row); }));
  ASSERT_EQ(rows.size(), 2);
  EXPECT_NEAR(rows[0].objectives[0].cosines[1], 1.0, 1e-5);
  EXPECT_EQ(rows[0].objectives[1].metrics.at("ratio_max"), 1.0);
  EXPECT_LT(rows[1].objectives[0].cosines[1], 0.9999);
  EXPECT_NE(rows[1].objectives[0].metrics.at("ratio_max"), rows[1].objectives[1].metrics.at("ratio_max"));
  EXPECT_EQ(rows[1].objectives[1].cosines[1], 1.0);
}

TEST_F(ReplayTest, StepsThatWereNotRecordedAreNamed) {
  EXPECT_THAT(Replay(Options(2, 4, {"grpo"}), [](const ReplayedRow&) {}),
              common::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2-4 of a run with the steps 1-3")));
}

TEST_F(ReplayTest, ObjectiveThatDoesNotFitTheJobIsNamed) {
  EXPECT_THAT(Replay(Options(1, 1, {"rank_grpo"}), [](const ReplayedRow&) {}),
              common::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("objective rank_grpo")));
}

TEST_F(ReplayTest, DamagedRolloutLogIsNamed) {
  contents_.steps[0].mutable_groups(0)->set_crc(contents_.steps[0].groups(0).crc() ^ 1);
  ASSERT_OK(rollout_log::WriteRecordedRun(dir_.Join("run/steps.log"), contents_));
  EXPECT_THAT(Replay(Options(1, 1, {"grpo"}), [](const ReplayedRow&) {}),
              common::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("wrong checksum")));
}

TEST_F(ReplayTest, RolloutsThatAreNotKeptAnyMoreAreNamedByStep) {
  *contents_.steps[1].mutable_groups(2) = cohort::v1::LogLocation();
  ASSERT_OK(rollout_log::WriteRecordedRun(dir_.Join("run/steps.log"), contents_));
  EXPECT_THAT(Replay(Options(2, 2, {"grpo"}), [](const ReplayedRow&) {}),
              common::StatusIs(absl::StatusCode::kNotFound,
                               AllOf(HasSubstr("step 2: the rollouts of group "), HasSubstr("not kept any more"))));
  std::filesystem::remove_all(dir_.Join("rollouts"));
  EXPECT_THAT(Replay(Options(1, 1, {"grpo"}), [](const ReplayedRow&) {}),
              common::StatusIs(absl::StatusCode::kNotFound, HasSubstr("step 1: the rollouts of group ")));
}

TEST_F(ReplayTest, PlanWhoseGroupsWereSampledByDifferentVersionsComesOutByteEqual) {
  // As with max_lag.
  versions_[2] = {2, 1, 2, 1};
  contents_.steps.clear();
  std::filesystem::remove_all(dir_.Join("rollouts"));
  Record();
  ASSERT_OK_AND_ASSIGN(const ReplayFacts facts, Replay(Options(3, 3, {"grpo"}), [](const ReplayedRow&) {}));
  EXPECT_EQ(facts.num_exact_steps, 3);
}

TEST_F(ReplayTest, CommandPrintsThePairedTable) {
  std::ostringstream out;
  ASSERT_OK(RunReplayCommand({.run = dir_.Join("run"), .steps = "1-2", .objectives = {"grpo", "sspo", "dhpo"}}, out));
  EXPECT_THAT(out.str(), HasSubstr("OBJECTIVE"));
  EXPECT_THAT(out.str(), HasSubstr("cos sspo"));
  EXPECT_THAT(out.str(), HasSubstr("second branch"));
  EXPECT_THAT(out.str(), HasSubstr("byte-equal to the record after 2 of 2 steps"));
}

TEST_F(ReplayTest, CommandWithoutObjectivesProvesThatTheRunIsWhatItsRecordSays) {
  std::ostringstream out;
  ASSERT_OK(RunReplayCommand({.run = dir_.Join("run")}, out));
  EXPECT_EQ(out.str(),
            "namespaces/default/jobs/recorded: replayed from version 0, weights byte-equal to the record after "
            "3 of 3 steps, digest of version 3: " +
                common::HexOf(contents_.steps[2].digest()) + "\n");
  contents_.steps[1].mutable_digest()->front() ^= 1;
  ASSERT_OK(rollout_log::WriteRecordedRun(dir_.Join("run/steps.log"), contents_));
  EXPECT_THAT(RunReplayCommand({.run = dir_.Join("run")}, out),
              common::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("step 2: the weights are not those")));
  EXPECT_OK(RunReplayCommand({.run = dir_.Join("run"), .steps = "1"}, out));
}

TEST_F(ReplayTest, CommandNamesTheFlagThatIsWrong) {
  std::ostringstream out;
  const auto error = [&](const std::string& steps, const std::string& objective) {
    return std::string(
        RunReplayCommand({.run = dir_.Join("run"), .steps = steps, .objectives = {objective}}, out).message());
  };
  EXPECT_THAT(error("two", "grpo"), HasSubstr("--steps: must be a step or a range like 3-9 (two)"));
  EXPECT_THAT(error("0", "grpo"), HasSubstr("--steps: must be a step"));
  EXPECT_THAT(error("1", "gppo"), HasSubstr("--objective: neither a file nor one of the presets"));
}

}  // namespace
}  // namespace cohort::learner
