// SPDX-License-Identifier: Apache-2.0
// Train steps of a model that is computed in bf16.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/testing/status_matchers.h"
#include "learner/batch/microbatch.h"
#include "learner/job_setup.h"
#include "learner/policy_pass.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/train_step_fixture.h"
#include "learner/train_step.h"

namespace cohort::learner {
namespace {

class Bf16TrainStepTest : public TrainStepFixture {};

double ShareOfDifferent(const at::Tensor& a, const at::Tensor& b) {
  return a.ne(b).to(at::kDouble).mean().item<double>();
}

// The sampler saw every sequence alone; the learner packs them, cuts them differently and trains an update in between.
TEST_F(Bf16TrainStepTest, MismatchWithLogprobsOfSingleSequencesIsExactlyZero) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank =
        MakeRank({.max_tokens_per_microbatch = 50, .precision = model::Precision::kBf16}, group);
    WholeStep step = MakeRolloutStep(0, 6, 4);
    ASSERT_NO_FATAL_FAILURE(SampleAlone(*rank, &step));
    const absl::StatusOr<TrainStep::Outcome> outcome = RunStep(rank.get(), step);
    ASSERT_OK(outcome);
    EXPECT_GT(outcome->totals.Get("count_tokens"), 50);
    EXPECT_EQ(outcome->totals.Get("max_mismatch_abs"), 0.0);
  });
}

// A weight of 0.2 in bf16 has neighbours at a distance of 1e-3.
TEST_F(Bf16TrainStepTest, UpdatesThatBf16CannotShowAddUp) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank(
        {.has_rollouts = false, .num_updates = 1, .learning_rate = 2e-5, .precision = model::Precision::kBf16}, group);
    const at::Tensor start = WeightsOf(rank->state);
    EXPECT_EQ(start.scalar_type(), at::kFloat);
    ASSERT_OK(RunStep(rank.get(), MakeDemonstrationStep(0, 16)));
    const at::Tensor after_one = WeightsOf(rank->state);
    EXPECT_GT(ShareOfDifferent(after_one, start), 0.9);
    const double share_after_one = ShareOfDifferent(after_one.to(at::kBFloat16), start.to(at::kBFloat16));
    EXPECT_LT(share_after_one, 0.2);
    for (int version = 1; version < 60; ++version) ASSERT_OK(RunStep(rank.get(), MakeDemonstrationStep(version, 16)));
    const double share_after_all = ShareOfDifferent(WeightsOf(rank->state).to(at::kBFloat16), start.to(at::kBFloat16));
    EXPECT_GT(share_after_all, 0.1);
    EXPECT_GT(share_after_all, 2 * share_after_one);
  });
}

TEST_F(Bf16TrainStepTest, SupervisedLossFalls) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank =
        MakeRank({.has_rollouts = false, .num_updates = 1, .precision = model::Precision::kBf16}, group);
    double first = 0, last = 0;
    for (int version = 0; version < 60; ++version) {
      const absl::StatusOr<TrainStep::Outcome> outcome = RunStep(rank.get(), MakeDemonstrationStep(version, 16));
      ASSERT_OK(outcome);
      last = outcome->totals.Get("sum_loss");
      if (version == 0) first = last;
    }
    EXPECT_GT(first, 2.5);
    EXPECT_LT(last, 1.2);
  });
}

// At version 0 policy and reference are the same function, one with fp32 weights and one with rounded ones.
TEST_F(Bf16TrainStepTest, ReferencePolicyIsComputedAsThePolicyIs) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    cohort::v1::ObjectiveSpec objective;
    objective.set_preset("grpo");
    objective.mutable_kl()->set_coefficient(0.1);
    const std::unique_ptr<Rank> rank =
        MakeRank({.num_updates = 1, .objective = objective, .precision = model::Precision::kBf16}, group);
    ASSERT_NE(rank->reference.decoder, nullptr);
    EXPECT_EQ(2 * rank->reference.decoder->parameters().NumBytes(), rank->state.decoder->parameters().NumBytes());
    const absl::StatusOr<StepData> data = BuildStepData(MakeRolloutStep(0, 2, 4).ForRank(0, 1), rank->data_options);
    ASSERT_OK(data);
    const std::vector<TrainSequence>& sequences = data->updates[0].sequences;
    const Microbatch microbatch = BuildMicrobatch(sequences, {.begin = 0, .end = 3});
    ASSERT_OK_AND_ASSIGN(const auto policy, PolicyLogprobsWithoutGradient(*rank->state.decoder, microbatch, 1));
    ASSERT_OK_AND_ASSIGN(const auto reference, PolicyLogprobsWithoutGradient(*rank->reference.decoder, microbatch, 1));
    EXPECT_TRUE(at::equal(policy.logprobs_T, reference.logprobs_T));
  });
}

}  // namespace
}  // namespace cohort::learner
