// SPDX-License-Identifier: Apache-2.0
// Train steps whose groups compute their prompt once, against steps that repeat it in every sequence.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <random>

#include "common/testing/status_matchers.h"
#include "learner/job_setup.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/train_step_fixture.h"

namespace cohort::learner {
namespace {

// Six groups of four whose prompts have 20, 30 or 40 tokens: one or two whole blocks that can be shared.
WholeStep MakeLongPromptStep(int64_t version) {
  WholeStep step = MakeRolloutStep(version, /*num_groups=*/6, /*group_size=*/4);
  std::mt19937 random(static_cast<uint32_t>(version) + 3);
  for (int g = 0; g < 6; ++g) {
    cohort::v1::RolloutGroup& group = step.groups[g];
    while (group.prompt_token_ids_size() < 20 + g % 3 * 10) group.add_prompt_token_ids(2 + random() % 51);
    step.plan.mutable_groups(g)->set_prompt_tokens(group.prompt_token_ids_size());
  }
  return step;
}

class SharedPromptsTest : public TrainStepFixture {
 protected:
  // Weights of one rank after two steps.
  at::Tensor WeightsAfter(const RunSettings& settings, const std::function<WholeStep(int64_t version)>& make_step) {
    at::Tensor weights;
    RunRanks(1, [&](model::ProcessGroup* group) {
      const std::unique_ptr<Rank> rank = MakeRank(settings, group);
      for (int64_t version = 0; version < 2; ++version) EXPECT_OK(RunStep(rank.get(), make_step(version)));
      weights = WeightsOf(rank->state);
    });
    return weights;
  }
};

TEST_F(SharedPromptsTest, SharedPromptsGiveTheSameLossToTheBitAndTheSameGradientButForRounding) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> repeated = MakeRank({.num_updates = 1}, group);
    const std::unique_ptr<Rank> shared = MakeRank({.num_updates = 1, .share_prompts = true}, group);
    const absl::StatusOr<TrainStep::Outcome> expected = RunStep(repeated.get(), MakeLongPromptStep(0));
    const absl::StatusOr<TrainStep::Outcome> got = RunStep(shared.get(), MakeLongPromptStep(0));
    ASSERT_OK(expected);
    ASSERT_OK(got);
    for (const char* name : {"sum_loss", "sum_entropy", "sum_mismatch_abs", "max_mismatch_abs", "count_tokens"}) {
      EXPECT_EQ(got->totals.Get(name), expected->totals.Get(name)) << name;
    }
    // Of each of the 6 prompts, of 20, 30 and 40 tokens, 16, 16 and 32 tokens are computed once instead of 4 times.
    EXPECT_EQ(expected->totals.Get("count_packed_tokens") - got->totals.Get("count_packed_tokens"),
              2 * 3 * (16 + 16 + 32));
    const at::Tensor &found_P = shared->state.parameters->gradients_L(),
                     &truth_P = repeated->state.parameters->gradients_L();
    ASSERT_GT(truth_P.norm().item<double>(), 0);
    EXPECT_LT((found_P - truth_P).norm().item<double>(), 2e-5 * truth_P.norm().item<double>());
  });
}

TEST_F(SharedPromptsTest, SharedPromptsChangeNothingButRoundingHoweverTheyAreCut) {
  const at::Tensor repeated = WeightsAfter({}, MakeLongPromptStep);
  for (const int64_t budget : {8192, 100, 1}) {
    ExpectClose(WeightsAfter({.max_tokens_per_microbatch = budget, .share_prompts = true}, MakeLongPromptStep),
                repeated);
  }
}

TEST_F(SharedPromptsTest, PromptsShorterThanABlockAreNotSharedAndGiveTheSameBytes) {
  const auto short_prompts = [](int64_t version) {
    return MakeRolloutStep(version, /*num_groups=*/6, /*group_size=*/4);
  };
  EXPECT_TRUE(at::equal(WeightsAfter({.share_prompts = true}, short_prompts), WeightsAfter({}, short_prompts)));
}

TEST(StepOptionsTest, PromptsAreSharedWhereTheJobSaysSo) {
  cohort::v1::JobSpec spec;
  EXPECT_FALSE(StepOptions(spec).gradient.share_prompts);
  spec.mutable_training()->set_share_prompts(true);
  EXPECT_TRUE(StepOptions(spec).gradient.share_prompts);
}

TEST_F(SharedPromptsTest, MismatchWithLogprobsOfSingleSequencesIsExactlyZero) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({.max_tokens_per_microbatch = 100, .share_prompts = true}, group);
    WholeStep step = MakeLongPromptStep(0);
    ASSERT_NO_FATAL_FAILURE(SampleAlone(*rank, &step));
    const absl::StatusOr<TrainStep::Outcome> outcome = RunStep(rank.get(), step);
    ASSERT_OK(outcome);
    EXPECT_GT(outcome->totals.Get("count_tokens"), 50);
    EXPECT_EQ(outcome->totals.Get("max_mismatch_abs"), 0.0);
  });
}

}  // namespace
}  // namespace cohort::learner
