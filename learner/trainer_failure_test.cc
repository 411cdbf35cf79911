// SPDX-License-Identifier: Apache-2.0
// A step that is refused because a number is not finite: what is kept of it, and that replay meets the number again.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/saved_state.h"
#include "learner/failure/failed_step_folder.h"
#include "learner/replay/failure_replay.h"
#include "learner/replay/replay_command.h"
#include "learner/testing/own_part.h"
#include "learner/testing/trainer_fixture.h"
#include "model/model_config.h"
#include "model/weight_sync/weight_digest.h"
#include "model/weights/checkpoint_folder.h"

namespace cohort::learner {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int32_t kBadToken = 52;
constexpr char kOfRankOne[] = "failures/version-00000000-rank-1";

class TrainerFailureTest : public TrainerFixture {
 protected:
  // From now on the model's embedding of kBadToken is not a number; nothing else of it is.
  void DamageModel() {
    const std::string sound = MakeTinyModel(dir_.Join("untied"), /*tie_word_embeddings=*/false);
    ASSERT_OK_AND_ASSIGN(const model::ModelConfig config, model::LoadModelConfig(sound));
    ASSERT_OK_AND_ASSIGN(const model::ParameterMap parameters, model::LoadParameters(sound, config, at::kCPU));
    parameters.Find("model.embed_tokens.weight")[kBadToken].fill_(NAN);
    fs::create_directories(dir_.Join("damaged"));
    ASSERT_OK(model::WriteModelFolder(dir_.Join("damaged"), sound, parameters));
    place_.set_model_path(dir_.Join("damaged"));
  }

  // kBadToken is the first token of one sequence, group 1 sibling 1, and nowhere else.
  static WholeStep StepWithBadToken(int64_t version) {
    WholeStep step = MakeRolloutStep(version, 4, 4);
    for (cohort::v1::RolloutGroup& group : step.groups) {
      for (int i = 0; i < group.prompt_token_ids_size(); ++i) group.set_prompt_token_ids(i, 10);
      for (cohort::v1::Rollout& rollout : *group.mutable_rollouts()) {
        rollout.set_text("a text that need not be kept");
        for (int i = 0; i < rollout.token_ids_size(); ++i) rollout.set_token_ids(i, 11);
      }
    }
    cohort::v1::Rollout* bad = step.groups[1].mutable_rollouts(1);
    bad->add_token_ids(11);
    bad->add_behavior_logprobs(-1);
    bad->set_token_ids(0, kBadToken);
    step.plan.mutable_groups(1)->set_completion_tokens(1, bad->token_ids_size());
    return step;
  }

  // The credit of group 3, which is of rank 1, is these rewards less their mean.
  static WholeStep StepWithRewards(int64_t version, const std::vector<double>& rewards) {
    WholeStep step = MakeRolloutStep(version, 4, 4);
    for (int i = 0; i < 4; ++i) step.plan.mutable_groups(3)->set_rewards(i, rewards[i]);
    return step;
  }

  void UseRewardsAsCredit() {
    cohort::v1::ObjectiveSpec objective;
    objective.set_preset("dr_grpo");
    ASSERT_OK_AND_ASSIGN(*place_.mutable_spec()->mutable_objective(),
                         objective::ResolveObjective(objective, {.group_size = 4, .max_completion_tokens = 10}));
    place_.mutable_spec()->mutable_optimizer()->set_learning_rate(1e-4);
    place_.mutable_spec()->mutable_training()->set_updates_per_step(2);
  }

  // Rank 1 meets something in the first step, and rank 0 nothing: what rank 1 says.
  std::string MessageOfRankOne(const FakeCoordinator::Maker& make_step) {
    FakeGang gang(2);
    FakeCoordinator coordinator;
    coordinator.make_step = make_step;
    const std::vector<absl::Status> ended = RunRanksToTheirEnd(&gang, &coordinator);
    EXPECT_EQ(ended[1].code(), absl::StatusCode::kInvalidArgument) << ended[1];
    EXPECT_EQ(ended[0].code(), absl::StatusCode::kUnavailable) << ended[0];
    EXPECT_THAT(coordinator.record().commits, ElementsAre());
    return std::string(ended[1].message());
  }

  // Version 0 of the model that the job starts from.
  void SealStart() {
    TrainState state = *CreateTrainState(place_.model_path(), place_.spec().optimizer(), at::kCPU);
    ASSERT_OK(SealCheckpoint(*ViewOf(state, OwnPart(state)),
                             {.parent = place_.checkpoint_directory(),
                              .model_path = place_.model_path(),
                              .weight_digest = model::DescribeWeights(state.parameters->parameters())->digest()}));
  }

  absl::StatusOr<ReplayedFailure> ReplayOfRankOne() const {
    return ReplayFailure({.run_directory = dir_.path(), .failure = kOfRankOne});
  }
};

TEST_F(TrainerFailureTest, LogprobThatIsNotFiniteIsKeptAndMetAgain) {
  DamageModel();
  const std::string message = MessageOfRankOne(StepWithBadToken);
  EXPECT_THAT(message, HasSubstr("policy_logprobs: not finite (nan), group 1 sibling 1 token 1; kept in failures/"));
  EXPECT_FALSE(fs::exists(dir_.Join("failures/version-00000000-rank-0"))) << "rank 0 met nothing";

  ASSERT_OK_AND_ASSIGN(const FailedStep kept, ReadFailedStep(dir_.Join(kOfRankOne)));
  EXPECT_EQ(message, kept.message + "; kept in " + kOfRankOne);
  EXPECT_EQ(kept.weights, std::string(kOfRankOne) + "/model");
  ASSERT_EQ(kept.payload.groups.size(), 2);
  EXPECT_EQ(kept.payload.groups[0].rollouts(1).token_ids(0), kBadToken);
  EXPECT_EQ(kept.payload.groups[0].rollouts(1).text(), "");

  ASSERT_OK_AND_ASSIGN(const ReplayedFailure replayed, ReplayOfRankOne());
  EXPECT_EQ(replayed.replayed, kept.message);
  ASSERT_EQ(replayed.sequences.size(), 8);
  for (const ReplayedSequence& sequence : replayed.sequences) {
    EXPECT_EQ(sequence.is_finite, sequence.label != "group 1 sibling 1") << sequence.label;
    EXPECT_EQ(sequence.tokens.empty(), sequence.is_finite) << sequence.label;
  }
  const std::vector<ReplayedToken>& tokens = replayed.sequences[1].tokens;
  ASSERT_GE(tokens.size(), 2);
  EXPECT_EQ(tokens[0].id, kBadToken);
  EXPECT_TRUE(std::isfinite(*tokens[0].policy_logprob)) << "it is sampled before it is read";
  EXPECT_TRUE(std::isnan(*tokens[1].policy_logprob));

  std::ostringstream out;
  EXPECT_OK(RunReplayCommand({.run = dir_.path(), .failure = kOfRankOne}, out));
  EXPECT_THAT(out.str(), AllOf(HasSubstr("recorded: " + kept.message), HasSubstr("replayed: " + kept.message),
                               HasSubstr("  <--\n")));
}

// In the second update, whose weights no checkpoint has, and whose proximal policy is another one than the policy.
TEST_F(TrainerFailureTest, GradientThatOverflowsBetweenVersionsIsKeptAndMetAgain) {
  UseRewardsAsCredit();
  const std::string message = MessageOfRankOne([](int64_t version) {
    return StepWithRewards(version, {0, 0, 1e60, 0});  // infinite in fp32
  });
  EXPECT_THAT(message, AllOf(HasSubstr("train step 0 -> 1 update 1: the gradient is not finite (norm "),
                             HasSubstr("), group 3 sibling ")));
  ASSERT_OK_AND_ASSIGN(const FailedStep kept, ReadFailedStep(dir_.Join(kOfRankOne)));
  EXPECT_TRUE(kept.statistics.has_value());
  EXPECT_EQ(kept.numbers.count("proximal_logprobs"), 1u);

  ASSERT_OK_AND_ASSIGN(const ReplayedFailure replayed, ReplayOfRankOne());
  EXPECT_EQ(replayed.replayed, kept.message);
  ASSERT_EQ(replayed.sequences.size(), 4) << "of rank 1 in that update";
  int num_named = 0;
  for (const ReplayedSequence& sequence : replayed.sequences) {
    if (sequence.is_finite) continue;
    EXPECT_THAT(kept.message, HasSubstr(sequence.label));
    ASSERT_FALSE(sequence.tokens.empty());
    ++num_named;
  }
  EXPECT_GT(num_named, 0);
}

// In the second update, but before the first: the weights are the version's.
TEST_F(TrainerFailureTest, CreditThatIsNotFiniteIsKeptAndMetAgain) {
  UseRewardsAsCredit();
  SealStart();
  // Their difference is more than a number can be.
  const std::string message = MessageOfRankOne([](int64_t version) {
    return StepWithRewards(version, {-1.7e308, 1.7e308, 0, 0});
  });
  EXPECT_THAT(message, HasSubstr("train step 0 -> 1 update 1: advantage: not finite "));
  ASSERT_OK_AND_ASSIGN(const FailedStep kept, ReadFailedStep(dir_.Join(kOfRankOne)));
  EXPECT_FALSE(kept.statistics.has_value());
  EXPECT_EQ(kept.weights, "checkpoints/step-000000");
  ASSERT_OK_AND_ASSIGN(const ReplayedFailure replayed, ReplayOfRankOne());
  EXPECT_EQ(replayed.replayed, kept.message);
  EXPECT_FALSE(replayed.sequences[0].is_finite);
}

TEST_F(TrainerFailureTest, WeightsOfASealedCheckpointAreNotWrittenAgain) {
  DamageModel();
  SealStart();
  MessageOfRankOne(StepWithBadToken);
  ASSERT_OK_AND_ASSIGN(const FailedStep kept, ReadFailedStep(dir_.Join(kOfRankOne)));
  EXPECT_EQ(kept.weights, "checkpoints/step-000000");
  EXPECT_FALSE(fs::exists(dir_.Join(kOfRankOne) + "/model"));
  ASSERT_OK_AND_ASSIGN(const ReplayedFailure replayed, ReplayOfRankOne());
  EXPECT_EQ(replayed.replayed, kept.message);
}

// As when it is sealed after the rank has looked for it.
TEST_F(TrainerFailureTest, SealedCheckpointStandsInForAModelThatIsNotThere) {
  DamageModel();
  MessageOfRankOne(StepWithBadToken);
  fs::remove_all(dir_.Join(kOfRankOne) + "/model");
  EXPECT_THAT(ReplayOfRankOne(),
              common::StatusIs(absl::StatusCode::kNotFound, HasSubstr(std::string(kOfRankOne) + "/model: the model")));
  SealStart();
  ASSERT_OK_AND_ASSIGN(const ReplayedFailure replayed, ReplayOfRankOne());
  EXPECT_EQ(replayed.weights, "checkpoints/step-000000");
  EXPECT_EQ(replayed.replayed, replayed.recorded);
}

TEST_F(TrainerFailureTest, SealedCheckpointIsNotTakenForTheWeightsBetweenVersions) {
  UseRewardsAsCredit();
  MessageOfRankOne([](int64_t version) { return StepWithRewards(version, {0, 0, 1e60, 0}); });
  fs::remove_all(dir_.Join(kOfRankOne) + "/model");
  SealStart();
  EXPECT_THAT(ReplayOfRankOne(), common::StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(TrainerFailureTest, FailureThatIsNotMetAgainIsAnErrorOfReplay) {
  DamageModel();
  MessageOfRankOne(StepWithBadToken);
  fs::remove_all(dir_.Join(kOfRankOne) + "/model");
  fs::copy(dir_.Join("untied/model"), dir_.Join(kOfRankOne) + "/model", fs::copy_options::recursive);
  std::ostringstream out;
  EXPECT_THAT(RunReplayCommand({.run = dir_.path(), .failure = kOfRankOne}, out),
              common::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("was not met again")));
  EXPECT_THAT(out.str(), AllOf(HasSubstr("replayed: every number is finite\n"), Not(HasSubstr("<--"))));
}

TEST_F(TrainerFailureTest, WhatCannotBeKeptDoesNotHideWhatWasMet) {
  DamageModel();
  std::ofstream(dir_.Join("failures")) << "a file where the folder should be";
  EXPECT_THAT(MessageOfRankOne(StepWithBadToken),
              AllOf(HasSubstr("group 1 sibling 1 token 1"), Not(HasSubstr("kept"))));
}

TEST_F(TrainerFailureTest, NothingIsKeptWhenAllIsFinite) {
  FakeGang gang(2);
  FakeCoordinator coordinator;
  Train(&gang, &coordinator);
  EXPECT_THAT(coordinator.record().commits, ElementsAre(1, 2));
  EXPECT_FALSE(fs::exists(dir_.Join("failures")));
}

TEST_F(TrainerFailureTest, ReplayOfAStepThatIsNotThereNamesTheFolder) {
  std::ostringstream out;
  EXPECT_THAT(RunReplayCommand({.run = dir_.path(), .failure = "failures/version-00000007-rank-0"}, out),
              common::StatusIs(absl::StatusCode::kNotFound, HasSubstr("version-00000007-rank-0")));
  EXPECT_THAT(RunReplayCommand({.run = dir_.path(), .steps = "3", .failure = "failures/x"}, out),
              common::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--failure: not together with --steps")));
}

}  // namespace
}  // namespace cohort::learner
