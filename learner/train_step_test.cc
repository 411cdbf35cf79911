// SPDX-License-Identifier: Apache-2.0
#include "learner/train_step.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/testing/status_matchers.h"
#include "kernels/torch/tensor_memory.h"
#include "learner/batch/microbatch.h"
#include "learner/job_setup.h"
#include "learner/prepared_update.h"
#include "learner/sequence_search.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/tiny_model.h"
#include "learner/testing/train_step_fixture.h"

namespace cohort::learner {
namespace {

cohort::v1::ObjectiveSpec Preset(const std::string& name) {
  cohort::v1::ObjectiveSpec spec;
  spec.set_preset(name);
  return spec;
}

class TrainStepTest : public TrainStepFixture {
 protected:
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
      weights[group->rank()] = WeightsOf(rank->state);
    });
    for (const at::Tensor& other : weights) EXPECT_TRUE(at::equal(other, weights[0]));
    return weights[0];
  }
};

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

TEST_F(TrainStepTest, EveryObjectiveGivesTheSameWeightsHoweverItsBatchIsCut) {
  cohort::v1::ObjectiveSpec all_axes = Preset("dhpo_entropy");
  all_axes.mutable_mix()->set_scope(cohort::v1::STATISTIC_SCOPE_BATCH);
  all_axes.mutable_kl()->set_coefficient(0.1);
  all_axes.set_entropy_coefficient(0.01);
  all_axes.mutable_selection()->set_top_entropy_share(0.5);
  std::vector<cohort::v1::ObjectiveSpec> specs = {all_axes};
  for (const char* preset : {"gspo", "sspo", "dhpo", "gmpo", "cispo", "sapo", "dr_grpo"})
    specs.push_back(Preset(preset));
  for (const cohort::v1::ObjectiveSpec& spec : specs) {
    const at::Tensor whole = WeightsAfter({.objective = spec}, 2);
    ExpectClose(WeightsAfter({.max_tokens_per_microbatch = 30, .objective = spec}, 2), whole);
    ExpectClose(WeightsAfter({.world_size = 2, .objective = spec}, 2), whole);
  }
}

TEST_F(TrainStepTest, SameRunGivesTheSameBytes) {
  EXPECT_TRUE(at::equal(WeightsAfter({.world_size = 2}, 3), WeightsAfter({.world_size = 2}, 3)));
}

TEST_F(TrainStepTest, RecomputedActivationsGiveTheSameBytes) {
  for (const bool has_rollouts : {true, false}) {
    RunSettings settings = {.world_size = 2, .has_rollouts = has_rollouts, .max_tokens_per_microbatch = 60};
    const at::Tensor kept = WeightsAfter(settings, 3);
    settings.recompute_activations = true;
    EXPECT_TRUE(at::equal(WeightsAfter(settings, 3), kept)) << has_rollouts;
  }
}

TEST_F(TrainStepTest, RecomputedActivationsTakeLessMemory) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const auto peak_bytes = [&](bool recompute_activations) {
      const std::unique_ptr<Rank> rank =
          MakeRank({.num_updates = 1, .recompute_activations = recompute_activations}, group);
      const kernels::TensorMemory memory;
      const int64_t before = memory.live_bytes();
      EXPECT_OK(RunStep(rank.get(), MakeRolloutStep(0, 24, 4)));
      return memory.peak_bytes() - before;
    };
    // Of two layers; the head is not among them.
    EXPECT_LT(5 * peak_bytes(true), 4 * peak_bytes(false));
  });
}

TEST(StepOptionsTest, JobSaysWhetherActivationsAreComputedAgain) {
  cohort::v1::JobSpec spec;
  EXPECT_FALSE(StepOptions(spec).gradient.recompute_activations);
  spec.mutable_training()->set_recompute_activations(true);
  EXPECT_TRUE(StepOptions(spec).gradient.recompute_activations);
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
    ASSERT_NO_FATAL_FAILURE(SampleAlone(*rank, &step));
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
  for (const auto sharding : {cohort::v1::OPTIMIZER_SHARDING_NONE, cohort::v1::OPTIMIZER_SHARDING_ZERO3}) {
    SCOPED_TRACE(sharding);
    std::vector<std::string> errors(2);
    std::vector<FailedUpdate> failures(2);
    RunRanks(2, [&](model::ProcessGroup* group) {
      const auto on_failure = [&failures, group](const FailedUpdate& failed) {
        failures[group->rank()] = failed;
        // All of them, whoever holds which.
        EXPECT_TRUE(failed.weights->Find("model.layers.1.mlp.up_proj.weight").defined());
        EXPECT_TRUE(failed.weights->Find("model.embed_tokens.weight")[52][0].isnan().item<bool>());
        return std::string("failures/here");
      };
      const std::unique_ptr<Rank> rank =
          MakeRank({.num_updates = 1, .sharding = sharding, .on_failure = on_failure}, group);
      rank->state.parameters->parameters().Find("model.embed_tokens.weight").detach()[52].fill_(NAN);
      const at::Tensor before = rank->state.parameters->weights_L().clone();
      const absl::StatusOr<TrainStep::Outcome> outcome = RunStep(rank.get(), step);
      EXPECT_EQ(outcome.status().code(),
                group->rank() == 1 ? absl::StatusCode::kInvalidArgument : absl::StatusCode::kUnavailable);
      errors[group->rank()] = std::string(outcome.status().message());
      EXPECT_TRUE(at::equal(before.nan_to_num(-7), rank->state.parameters->weights_L().nan_to_num(-7)));
      EXPECT_EQ(rank->state.policy_version, 0);
      EXPECT_EQ(rank->state.num_updates, 0);
    });
    EXPECT_THAT(errors[1], ::testing::HasSubstr("train step 0 -> 1 update 0: "));
    EXPECT_THAT(errors[1], ::testing::HasSubstr("policy_logprobs"));
    EXPECT_THAT(errors[1], ::testing::HasSubstr("group 1 sibling 1"));
    EXPECT_EQ(errors[1], failures[1].message + "; kept in failures/here");
    EXPECT_THAT(failures[1].ranks, ::testing::ElementsAre(1));
    EXPECT_TRUE(failures[1].is_measured);
    EXPECT_THAT(failures[0].ranks, ::testing::IsEmpty()) << "rank 0 met nothing";
  }
}

// Before a backward pass of any update, when the ranks measure what the losses are divided by.
TEST_F(TrainStepTest, NotFiniteAdvantageStopsEveryRankAtTheStepsStart) {
  std::vector<FailedUpdate> failures(2);
  RunRanks(2, [&](model::ProcessGroup* group) {
    const auto on_failure = [&failures, group](const FailedUpdate& failed) {
      failures[group->rank()] = failed;
      return std::string();
    };
    const std::unique_ptr<Rank> rank = MakeRank({.num_updates = 2, .on_failure = on_failure}, group);
    absl::StatusOr<StepData> data =
        BuildStepData(MakeRolloutStep(0, 4, 2).ForRank(group->rank(), 2), rank->data_options);
    ASSERT_OK(data);
    if (group->rank() == 1) data->updates[1].sequences[0].advantage = NAN;
    PhaseTimer timer(common::SystemClock());
    const absl::Status status = rank->step->Run(*data, &timer).status();
    EXPECT_EQ(status.code(), group->rank() == 1 ? absl::StatusCode::kInvalidArgument : absl::StatusCode::kUnavailable);
    EXPECT_EQ(rank->state.num_updates, 0);
  });
  EXPECT_THAT(failures[1].message,
              ::testing::HasSubstr("train step 0 -> 1 update 1: advantage: not finite (nan), group 3"));
  EXPECT_FALSE(failures[1].is_measured);
  EXPECT_THAT(failures[0].ranks, ::testing::IsEmpty());
}

// No rank meets anything that is not finite before the gradient: each looks for its sequences to blame.
TEST_F(TrainStepTest, GradientThatOverflowsStopsEveryRankByName) {
  RunRanks(2, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({.num_updates = 1}, group);
    WholeStep step = MakeRolloutStep(0, 2, 2);
    for (cohort::v1::PlannedGroup& planned : *step.plan.mutable_groups()) {
      planned.set_rewards(0, 1);
      planned.set_rewards(1, 0);
    }
    absl::StatusOr<StepData> data = BuildStepData(step.ForRank(group->rank(), 2), rank->data_options);
    ASSERT_OK(data);
    for (TrainSequence& sequence : data->updates[0].sequences) sequence.advantage *= 1e60;  // infinite in fp32
    PhaseTimer timer(common::SystemClock());
    const std::string group_label = absl::StrCat("), group ", group->rank());
    EXPECT_THAT(rank->step->Run(*data, &timer),
                common::StatusIs(
                    absl::StatusCode::kInvalidArgument,
                    ::testing::AllOf(::testing::HasSubstr("train step 0 -> 1 update 0: the gradient is not finite"),
                                     ::testing::HasSubstr(absl::StrCat(group_label, " sibling 0, group ", group->rank(),
                                                                       " sibling 1")))));
    EXPECT_EQ(rank->state.num_updates, 0);
  });
}

TEST(SequenceSearchTest, NobodyIsToBlameWhenOnlyASumIsNotFinite) {
  std::vector<TrainSequence> sequences(3);
  for (TrainSequence& sequence : sequences) {
    sequence.token_ids = {2, 3, 4};
    sequence.num_prompt_tokens = 1;
  }
  PreparedUpdate update;
  update.microbatches = BuildMicrobatches(sequences, {.max_tokens = 6});
  ASSERT_EQ(update.microbatches.size(), 2);
  update.numbers.resize(2);
  int num_passes = 0;
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> labels,
                       SequencesWithoutFiniteGradient(update, sequences, [&](const PreparedUpdate& part, size_t i) {
                         ++num_passes;
                         return absl::StatusOr<double>(
                             part.microbatches[i].cu_seqlens.size() == 3 ? INFINITY : 1.0);  // of two sequences
                       }));
  EXPECT_THAT(labels, ::testing::IsEmpty());
  EXPECT_EQ(num_passes, 1 + 2 + 1);
  EXPECT_EQ(GradientComplaint(INFINITY, labels),
            "the gradient is not finite (norm inf), though that of every sequence alone is");
}

}  // namespace
}  // namespace cohort::learner
