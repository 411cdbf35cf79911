// SPDX-License-Identifier: Apache-2.0
#include "learner/train_step.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/policy_pass.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/tiny_model.h"
#include "objective/objective_registry.h"

namespace cohort::learner {
namespace {

// What one rank has.
struct Rank {
  TrainState state;
  std::unique_ptr<objective::Objective> objective;
  std::unique_ptr<model::Tokenizer> tokenizer;
  StepDataOptions data_options;
  std::unique_ptr<TrainStep> step;
};

struct RunSettings {
  int world_size = 1;
  bool has_rollouts = true;
  int64_t num_updates = 2;
  int64_t max_tokens_per_microbatch = 8192;
  double learning_rate = 0.01;
};

class TrainStepTest : public ::testing::Test {
 protected:
  void SetUp() override { model_path_ = MakeTinyModel(dir_.path()); }

  std::unique_ptr<Rank> MakeRank(const RunSettings& settings, model::ProcessGroup* group) {
    auto rank = std::make_unique<Rank>();
    cohort::v1::OptimizerSpec optimizer;
    optimizer.set_learning_rate(settings.learning_rate);
    optimizer.set_weight_decay(0.1);
    rank->state = *CreateTrainState(model_path_, optimizer, at::kCPU);
    cohort::v1::ObjectiveSpec spec;
    if (settings.has_rollouts) {
      spec.mutable_grpo()->set_clip_high(0.28);
    } else {
      spec.mutable_sft();
      rank->tokenizer = *model::Tokenizer::Load(model_path_);
    }
    objective::ObjectiveRegistry registry;
    EXPECT_OK(objective::RegisterBuiltinObjectives(&registry));
    rank->objective = *registry.Create(spec);
    rank->data_options = {.objective = rank->objective.get(),
                          .tokenizer = rank->tokenizer.get(),
                          .eos_token_id = kTinyEos,
                          .limits = {.vocab_size = kTinyVocabSize, .max_sequence_tokens = 64},
                          .num_updates = settings.num_updates,
                          .rank = group->rank(),
                          .world_size = group->world_size()};
    rank->step =
        std::make_unique<TrainStep>(TrainStepOptions{.optimizer = optimizer,
                                                     .max_tokens_per_microbatch = settings.max_tokens_per_microbatch,
                                                     .num_updates_in_job = 100},
                                    rank->objective.get(), group, &rank->state);
    return rank;
  }

  static absl::StatusOr<TrainStep::Outcome> RunStep(Rank* rank, const WholeStep& whole) {
    PhaseTimer timer(common::SystemClock());
    absl::StatusOr<StepData> data =
        BuildStepData(whole.ForRank(rank->data_options.rank, rank->data_options.world_size), rank->data_options);
    if (!data.ok()) return data.status();
    return rank->step->Run(*data, &timer);
  }

  // Weights of rank 0 after `num_steps` steps; the other ranks must have the same bytes.
  at::Tensor WeightsAfter(const RunSettings& settings, int num_steps, int num_groups = 6) {
    std::vector<at::Tensor> weights(settings.world_size);
    RunRanks(settings.world_size, [&](model::ProcessGroup* group) {
      const std::unique_ptr<Rank> rank = MakeRank(settings, group);
      for (int version = 0; version < num_steps; ++version) {
        EXPECT_OK(RunStep(rank.get(), settings.has_rollouts ? MakeRolloutStep(version, num_groups, 4)
                                                            : MakeDemonstrationStep(version, num_groups)));
      }
      EXPECT_EQ(rank->state.policy_version, num_steps);
      weights[group->rank()] = rank->state.parameters->weights_P().clone();
    });
    for (const at::Tensor& other : weights) EXPECT_TRUE(at::equal(other, weights[0]));
    return weights[0];
  }

  common::TempDir dir_;
  std::string model_path_;
};

void ExpectClose(const at::Tensor& found, const at::Tensor& expected) {
  EXPECT_LT((found - expected).abs().max().item<double>(), 2e-4);
  EXPECT_LT((found - expected).norm().item<double>() / expected.norm().item<double>(), 1e-5);
}

TEST_F(TrainStepTest, RanksGiveTheWeightsOfOneRank) {
  for (bool has_rollouts : {true, false}) {
    const at::Tensor one = WeightsAfter({.world_size = 1, .has_rollouts = has_rollouts}, 3);
    ExpectClose(WeightsAfter({.world_size = 2, .has_rollouts = has_rollouts}, 3), one);
    ExpectClose(WeightsAfter({.world_size = 3, .has_rollouts = has_rollouts}, 3), one);
  }
}

TEST_F(TrainStepTest, MicrobatchBudgetChangesNothingButRounding) {
  const at::Tensor whole = WeightsAfter({}, 3);
  ExpectClose(WeightsAfter({.max_tokens_per_microbatch = 30}, 3), whole);
  ExpectClose(WeightsAfter({.max_tokens_per_microbatch = 1}, 3), whole);
}

TEST_F(TrainStepTest, SameRunGivesTheSameBytes) {
  EXPECT_TRUE(at::equal(WeightsAfter({.world_size = 2}, 3), WeightsAfter({.world_size = 2}, 3)));
}

TEST_F(TrainStepTest, RankWithoutGroupsJoinsTheReduction) {
  const at::Tensor one = WeightsAfter({.world_size = 1}, 2, /*num_groups=*/2);
  ExpectClose(WeightsAfter({.world_size = 3}, 2, /*num_groups=*/2), one);
}

TEST_F(TrainStepTest, FirstUpdateIsOnPolicyAndLaterOnesAreNot) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> one = MakeRank({.num_updates = 1}, group);
    absl::StatusOr<TrainStep::Outcome> outcome = RunStep(one.get(), MakeRolloutStep(0, 6, 4));
    ASSERT_OK(outcome);
    EXPECT_EQ(outcome->totals.Get("min_ratio"), 1.0);
    EXPECT_EQ(outcome->totals.Get("max_ratio"), 1.0);
    const std::unique_ptr<Rank> two = MakeRank({.num_updates = 2}, group);
    outcome = RunStep(two.get(), MakeRolloutStep(0, 6, 4));
    ASSERT_OK(outcome);
    EXPECT_GT(outcome->totals.Get("max_ratio"), 1.0);
  });
}

// The sampler saw every sequence alone; the learner packs them, cuts them differently and trains an update in between.
TEST_F(TrainStepTest, MismatchWithLogprobsOfSingleSequencesIsExactlyZero) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({.max_tokens_per_microbatch = 50}, group);
    WholeStep step = MakeRolloutStep(0, 6, 4);
    absl::StatusOr<StepData> data = BuildStepData(step.ForRank(0, 1), rank->data_options);
    ASSERT_OK(data);
    int next = 0;
    for (const UpdateData& update : data->updates) {
      for (size_t i = 0; i < update.sequences.size(); ++i, ++next) {
        const auto alone = PolicyLogprobsWithoutGradient(
            *rank->state.decoder,
            BuildMicrobatch(update.sequences, {.begin = static_cast<int64_t>(i), .end = static_cast<int64_t>(i) + 1}),
            1);
        ASSERT_OK(alone);
        cohort::v1::Rollout* rollout = step.groups[next / 4].mutable_rollouts(next % 4);
        for (int t = 0; t < rollout->behavior_logprobs_size(); ++t) {
          rollout->set_behavior_logprobs(t, alone->logprobs_T[t].item<float>());
        }
      }
    }
    const absl::StatusOr<TrainStep::Outcome> outcome = RunStep(rank.get(), step);
    ASSERT_OK(outcome);
    EXPECT_GT(outcome->totals.Get("count_tokens"), 50);
    EXPECT_EQ(outcome->totals.Get("max_mismatch_abs"), 0.0);
  });
}

TEST_F(TrainStepTest, SupervisedLossFalls) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({.has_rollouts = false, .num_updates = 1}, group);
    std::vector<double> losses;
    for (int version = 0; version < 60; ++version) {
      const absl::StatusOr<TrainStep::Outcome> outcome = RunStep(rank.get(), MakeDemonstrationStep(version, 16));
      ASSERT_OK(outcome);
      losses.push_back(outcome->totals.Get("sum_loss"));
    }
    EXPECT_GT(losses.front(), 2.5);
    EXPECT_LT(losses.back(), 1.0);
  });
}

TEST_F(TrainStepTest, NotFiniteLogprobStopsEveryRankBeforeTheUpdateAndNamesTheSequence) {
  model_path_ = MakeTinyModel(dir_.Join("untied"), /*tie_word_embeddings=*/false);
  WholeStep step = MakeRolloutStep(0, 2, 2);
  // Token 52 occurs in one sequence of rank 1 only.
  for (cohort::v1::RolloutGroup& group : step.groups) {
    for (int i = 0; i < group.prompt_token_ids_size(); ++i) group.set_prompt_token_ids(i, 10);
    for (cohort::v1::Rollout& rollout : *group.mutable_rollouts()) {
      for (int i = 0; i < rollout.token_ids_size(); ++i) rollout.set_token_ids(i, 11);
    }
  }
  cohort::v1::Rollout* bad = step.groups[1].mutable_rollouts(1);
  bad->add_token_ids(11);
  bad->add_behavior_logprobs(-1);
  bad->set_token_ids(0, 52);
  step.plan.mutable_groups(1)->set_completion_tokens(1, bad->token_ids_size());
  std::vector<std::string> errors(2);
  RunRanks(2, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({.num_updates = 1}, group);
    rank->state.parameters->parameters().Find("model.embed_tokens.weight").detach()[52].fill_(NAN);
    const at::Tensor before = rank->state.parameters->weights_P().clone();
    const absl::StatusOr<TrainStep::Outcome> outcome = RunStep(rank.get(), step);
    EXPECT_THAT(outcome, common::StatusIs(absl::StatusCode::kInvalidArgument));
    errors[group->rank()] = std::string(outcome.status().message());
    EXPECT_TRUE(at::equal(before.nan_to_num(-7), rank->state.parameters->weights_P().nan_to_num(-7)));
    EXPECT_EQ(rank->state.policy_version, 0);
    EXPECT_EQ(rank->state.num_updates, 0);
  });
  EXPECT_THAT(errors[0], ::testing::HasSubstr("train step 0 -> 1 update 0: the gradient is not finite"));
  EXPECT_THAT(errors[1], ::testing::HasSubstr("policy_logprobs: not finite"));
  EXPECT_THAT(errors[1], ::testing::HasSubstr("group 1 sibling 1"));
}

TEST_F(TrainStepTest, PayloadOfTheWrongSizeIsRefused) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({}, group);
    WholeStep step = MakeRolloutStep(0, 3, 2);
    StepPayload payload = step.ForRank(0, 1);
    payload.groups.pop_back();
    EXPECT_THAT(
        BuildStepData(payload, rank->data_options),
        common::StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("3 groups planned for rank 0")));
  });
}

TEST_F(TrainStepTest, ZeroSignalShareCountsGroupsWithEqualRewards) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({}, group);
    WholeStep step = MakeRolloutStep(0, 4, 2);
    for (int g = 0; g < 4; ++g) {
      step.plan.mutable_groups(g)->set_rewards(0, 1);
      step.plan.mutable_groups(g)->set_rewards(1, g == 0 ? 0 : 1);
    }
    const absl::StatusOr<StepData> data = BuildStepData(step.ForRank(0, 1), rank->data_options);
    ASSERT_OK(data);
    EXPECT_EQ(data->zero_signal_share, 0.75);
    EXPECT_NEAR(data->advantage_abs_mean, 0.25 * std::sqrt(0.5), 1e-5);
  });
}

}  // namespace
}  // namespace cohort::learner
