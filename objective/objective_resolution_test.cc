// SPDX-License-Identifier: Apache-2.0
#include "objective/objective_resolution.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "objective/preset_table.h"
#include "objective/testing/specs.h"

namespace cohort::objective {
namespace {

using cohort::common::StatusIs;
using cohort::v1::ObjectiveSpec;
using google::protobuf::util::MessageDifferencer;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

absl::StatusOr<ObjectiveSpec> Resolve(const std::string& text) {
  return ResolveObjective(ParseSpec(text), ContextFor(ParseSpec(text).preset()));
}

std::string Error(const std::string& text) { return std::string(Resolve(text).status().message()); }

TEST(ObjectiveResolutionTest, DefaultIsGrpoForRolloutsAndSftForDemonstrations) {
  ASSERT_OK_AND_ASSIGN(const ObjectiveSpec rlvr, ResolveObjective(ObjectiveSpec(), {}));
  EXPECT_EQ(rlvr.preset(), "grpo");
  ASSERT_OK_AND_ASSIGN(const ObjectiveSpec sft, ResolveObjective(ObjectiveSpec(), {.is_sft = true}));
  EXPECT_EQ(sft.preset(), "sft");
  EXPECT_EQ(sft.branches_size(), 0);
}

TEST(ObjectiveResolutionTest, JobIsLaidOverThePresetBranchByBranch) {
  ASSERT_OK_AND_ASSIGN(const ObjectiveSpec spec,
                       Resolve("preset: 'dhpo' branches {} branches { clip_high: 0.5 } advantage { epsilon: 0.5 }"));
  ASSERT_EQ(spec.branches_size(), 2);
  EXPECT_EQ(spec.branches(0).clip_high(), 0.2);
  EXPECT_EQ(spec.branches(1).clip_low(), 3e-4);
  EXPECT_EQ(spec.branches(1).clip_high(), 0.5);
  EXPECT_EQ(spec.branches(1).level(), cohort::v1::SEGMENT_LEVEL_RESPONSE);
  EXPECT_EQ(spec.advantage().epsilon(), 0.5);
  EXPECT_EQ(spec.advantage().estimator(), cohort::v1::AdvantageSpec::ESTIMATOR_GROUP_MEAN);
}

TEST(ObjectiveResolutionTest, FurtherBranchIsAddedWithTheBoundsOfItsLevel) {
  ASSERT_OK_AND_ASSIGN(const ObjectiveSpec spec,
                       Resolve("preset: 'grpo' branches {} branches { level: SEGMENT_LEVEL_RESPONSE }"));
  EXPECT_EQ(spec.branches(1).clip_low(), 3e-4);
  EXPECT_EQ(spec.branches(1).clip_high(), 4e-4);
  EXPECT_EQ(spec.mix().weighting(), cohort::v1::MixSpec::WEIGHTING_AVERAGE);
}

TEST(ObjectiveResolutionTest, ResolvingAgainChangesNothing) {
  for (const std::string& preset : PresetNames()) {
    const ObjectiveSpec once = ResolvedSpec(preset);
    ASSERT_OK_AND_ASSIGN(const ObjectiveSpec twice, ResolveObjective(once, ContextFor(preset)));
    EXPECT_TRUE(MessageDifferencer::Equals(once, twice)) << preset;
  }
  const std::string changed =
      "kl { coefficient: 0.1 importance_weighted: true } mismatch { correction: CORRECTION_MASK level: LEVEL_SEQUENCE "
      "} "
      "selection { top_entropy_share: 0.2 off_policy_threshold: 0.1 } entropy_coefficient: 0.01";
  const ObjectiveSpec once = ResolvedSpec("sspo", changed);
  ASSERT_OK_AND_ASSIGN(const ObjectiveSpec twice, ResolveObjective(once, ContextFor("sspo")));
  EXPECT_TRUE(MessageDifferencer::Equals(once, twice));
}

// Every field that has a meaning is visible in the resolved spec.
TEST(ObjectiveResolutionTest, ResolvedSpecHoldsEveryDefault) {
  const ObjectiveSpec spec = ResolvedSpec("grpo");
  EXPECT_TRUE(spec.has_entropy_coefficient());
  EXPECT_TRUE(spec.kl().has_coefficient());
  EXPECT_EQ(spec.mismatch().correction(), cohort::v1::MismatchSpec::CORRECTION_NONE);
  EXPECT_TRUE(spec.mismatch().has_bypass());
  EXPECT_EQ(spec.selection().top_entropy_share(), 1);
  EXPECT_TRUE(spec.dynamic_sampling().has_enabled());
  EXPECT_EQ(spec.branches(0).flow(), cohort::v1::GRADIENT_FLOW_THROUGH);
  EXPECT_EQ(spec.branches(0).adaptation(), cohort::v1::CLIP_ADAPTATION_NONE);
  EXPECT_EQ(ResolvedSpec("dr_grpo").normalization_tokens(), 8);
}

TEST(ObjectiveResolutionTest, ChangedKindDropsWhatOnlyThePresetsKindHas) {
  ASSERT_OK_AND_ASSIGN(const ObjectiveSpec spec, Resolve("preset: 'sapo' branches { kind: SURROGATE_KIND_CLIP }"));
  EXPECT_FALSE(spec.branches(0).has_tau_positive());
  EXPECT_EQ(spec.branches(0).clip_low(), 0.2);
  ASSERT_OK_AND_ASSIGN(const ObjectiveSpec off, Resolve("preset: 'rank_grpo' kl { coefficient: 0 }"));
  EXPECT_EQ(off.kl().estimator(), cohort::v1::KlSpec::ESTIMATOR_UNSPECIFIED);
}

TEST(ObjectiveResolutionTest, UnknownPresetListsTheKnownOnes) {
  EXPECT_THAT(Error("preset: 'ppo'"), AllOf(StartsWith("preset: "), HasSubstr("sft, grpo, dapo"), HasSubstr("(ppo)")));
}

TEST(ObjectiveResolutionTest, PresetAndDataMustAgree) {
  EXPECT_THAT(ResolveObjective(ParseSpec("preset: 'grpo'"), {.is_sft = true}),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("preset: a job with sft data")));
  EXPECT_THAT(ResolveObjective(ParseSpec("preset: 'sft'"), {.is_sft = false}),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("preset: a job with rlvr data")));
}

TEST(ObjectiveResolutionTest, OneCompletionPerPromptHasNoGroupToCompareWith) {
  for (const std::string& preset : PresetNames()) {
    if (preset == "sft") continue;
    ResolutionContext context = ContextFor(preset);
    context.group_size = 1;
    EXPECT_THAT(ResolveObjective(ParseSpec("preset: '" + preset + "'"), context),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith("advantage.estimator: "), HasSubstr("group_size 1"))))
        << preset;
  }
}

TEST(ObjectiveResolutionTest, ItemCreditNeedsItemRewards) {
  ResolutionContext context = ContextFor("rank_grpo");
  context.has_item_rewards = false;
  EXPECT_THAT(ResolveObjective(ParseSpec("preset: 'rank_grpo'"), context),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("advantage.estimator: needs a verifier")));
}

TEST(ObjectiveResolutionTest, ItemCreditHasTheListLengthOfTheRubric) {
  ResolutionContext context = ContextFor("rank_grpo");
  context.num_ranked_items = 10;
  context.ranked_items_field = "rlvr.reward.verifiers[1].ranking.num_items";
  ASSERT_OK_AND_ASSIGN(const ObjectiveSpec taken, ResolveObjective(ParseSpec("preset: 'rank_grpo'"), context));
  EXPECT_EQ(taken.advantage().item().num_items(), 10);
  EXPECT_OK(ResolveObjective(taken, context));
  EXPECT_THAT(ResolveObjective(ParseSpec("preset: 'rank_grpo' advantage { item { num_items: 20 } }"), context),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("advantage.item.num_items: "),
                             HasSubstr("rlvr.reward.verifiers[1].ranking.num_items, 10 (20)"))));
  context.num_ranked_items = 0;
  ASSERT_OK_AND_ASSIGN(const ObjectiveSpec papers, ResolveObjective(ParseSpec("preset: 'rank_grpo'"), context));
  EXPECT_EQ(papers.advantage().item().num_items(), 20);
}

TEST(ObjectiveResolutionTest, DynamicSamplingNeedsCurrentRollouts) {
  ResolutionContext context = ContextFor("dapo");
  context.fixed_lag = 2;
  EXPECT_THAT(ResolveObjective(ParseSpec("preset: 'dapo'"), context),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("dynamic_sampling.enabled: "), HasSubstr("fixed_lag 2"))));
  EXPECT_OK(ResolveObjective(ParseSpec("preset: 'dapo' dynamic_sampling { enabled: false }"), context));
}

TEST(ObjectiveResolutionTest, MissingNormalizationIsRefused) {
  EXPECT_THAT(ResolveObjective(ParseSpec("preset: 'dr_grpo'"), {.group_size = 4}),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("normalization_tokens: ")));
}

struct Refusal {
  std::string text;   // over its preset
  std::string field;  // path that is named
  std::string value;  // that is shown; empty: none
};

class RefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, NamesTheFieldAndItsValue) {
  const std::string error = Error(GetParam().text);
  EXPECT_THAT(error, StartsWith(GetParam().field + ": ")) << GetParam().text;
  const std::string value = GetParam().value.empty() ? "" : "(" + GetParam().value + ")";
  EXPECT_THAT(error, HasSubstr(value)) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Branches, RefusalTest,
    testing::Values(
        Refusal{"preset: 'grpo' branches { clip_low: 0 }", "branches[0].clip_low", "0"},
        Refusal{"preset: 'grpo' branches { clip_low: -0.1 }", "branches[0].clip_low", "-0.1"},
        Refusal{"preset: 'grpo' branches { clip_low: 1 }", "branches[0].clip_low", "1"},
        Refusal{"preset: 'grpo' branches { clip_low: nan }", "branches[0].clip_low", "nan"},
        Refusal{"preset: 'grpo' branches { clip_high: 0 }", "branches[0].clip_high", "0"},
        Refusal{"preset: 'grpo' branches { clip_high: inf }", "branches[0].clip_high", "inf"},
        Refusal{"preset: 'cispo' branches { clip_low: 1.5 }", "branches[0].clip_low", "1.5"},
        Refusal{"preset: 'cispo' branches { flow: GRADIENT_FLOW_THROUGH }", "branches[0].flow", "through"},
        Refusal{"preset: 'cispo' branches { token_log_clip: 0.4 }", "branches[0].token_log_clip", "0.4"},
        Refusal{"preset: 'cispo' branches { dual_clip: 3 }", "branches[0].dual_clip", "3"},
        Refusal{"preset: 'grpo' branches { dual_clip: 1 }", "branches[0].dual_clip", "1"},
        Refusal{"preset: 'grpo' branches { delta: 0.5 }", "branches[0].delta", "0.5"},
        Refusal{"preset: 'grpo' branches { token_log_clip: 0 }", "branches[0].token_log_clip", "0"},
        Refusal{"preset: 'gmpo' branches { clip_low: 0.2 }", "branches[0].clip_low", "0.2"},
        Refusal{"preset: 'sapo' branches { tau_positive: 0 }", "branches[0].tau_positive", "0"},
        Refusal{"preset: 'grpo' branches { tau_negative: 1 }", "branches[0].tau_negative", "1"},
        Refusal{"preset: 'sapo' branches { adaptation: CLIP_ADAPTATION_LOG }", "branches[0].adaptation", "log"},
        Refusal{"preset: 'grpo' branches { kappa_min: 0.5 }", "branches[0].kappa_min", "0.5"},
        Refusal{"preset: 'sspo' branches { kappa_min: 1.5 }", "branches[0].kappa_min", "1.5"},
        Refusal{"preset: 'sspo' branches { kappa_max: 0.5 }", "branches[0].kappa_max", "0.5"},
        Refusal{"preset: 'sspo' branches { clip_low: 0.9 }", "branches[0].kappa_max", "1.5"},
        Refusal{"preset: 'sspo' branches { tanh_alpha: 0.5 }", "branches[0].tanh_alpha", "0.5"},
        Refusal{"preset: 'sspo' branches { adaptation: CLIP_ADAPTATION_TANH_Z tanh_alpha: -1 }",
                "branches[0].tanh_alpha", "-1"},
        Refusal{"preset: 'grpo' branches {} branches {}", "branches[1].level", ""},
        Refusal{"preset: 'dhpo' branches {} branches {} branches { level: SEGMENT_LEVEL_TOKEN }", "branches", "3"},
        Refusal{"preset: 'grpo' branches { level: SEGMENT_LEVEL_ITEM }", "branches[0].level", "item"}));

INSTANTIATE_TEST_SUITE_P(
    Axes, RefusalTest,
    testing::Values(
        Refusal{"preset: 'grpo' mix { weighting: WEIGHTING_AVERAGE }", "mix", ""},
        Refusal{"preset: 'dhpo' mix { invert: true }", "mix.invert", "true"},
        Refusal{"preset: 'dhpo' mix { form: FORM_RATIO } branches { dual_clip: 3 }", "mix.form", "ratio"},
        Refusal{"preset: 'grpo' loss_reduction: LOSS_REDUCTION_ITEM_MEAN", "loss_reduction", "item_mean"},
        Refusal{"preset: 'grpo' normalization_tokens: 5", "normalization_tokens", "5"},
        Refusal{"preset: 'dr_grpo' normalization_tokens: 0", "normalization_tokens", "0"},
        Refusal{"preset: 'grpo' kl { coefficient: -1 }", "kl.coefficient", "-1"},
        Refusal{"preset: 'grpo' kl { estimator: ESTIMATOR_K2 }", "kl.estimator", "k2"},
        Refusal{"preset: 'grpo' kl { coefficient: 1 placement: PLACEMENT_REWARD importance_weighted: true }",
                "kl.importance_weighted", "true"},
        Refusal{"preset: 'grpo' entropy_coefficient: nan", "entropy_coefficient", "nan"},
        Refusal{"preset: 'grpo' mismatch { cap: 2 }", "mismatch.cap", "2"},
        Refusal{"preset: 'grpo' mismatch { correction: CORRECTION_TRUNCATE cap: 0 }", "mismatch.cap", "0"},
        Refusal{"preset: 'grpo' mismatch { correction: CORRECTION_TRUNCATE low: 0.5 }", "mismatch.low", "0.5"},
        Refusal{"preset: 'grpo' mismatch { correction: CORRECTION_MASK low: 2 cap: 2 }", "mismatch.low", "2"},
        Refusal{"preset: 'grpo' mismatch { correction: CORRECTION_MASK bypass: true }", "mismatch.bypass", "true"},
        Refusal{"preset: 'sspo' mismatch { bypass: true }", "branches[0].entropy_source", "proximal"},
        Refusal{"preset: 'dhpo_entropy' mismatch { bypass: true }", "mix.entropy_source", "proximal"},
        Refusal{"preset: 'grpo' selection { top_entropy_share: 0 }", "selection.top_entropy_share", "0"},
        Refusal{"preset: 'grpo' selection { top_entropy_share: 1.1 }", "selection.top_entropy_share", "1.1"},
        Refusal{"preset: 'grpo' selection { off_policy_threshold: -1 }", "selection.off_policy_threshold", "-1"},
        Refusal{"preset: 'grpo' segmenter { min_tokens: 2 }", "segmenter.min_tokens", "2"},
        Refusal{"preset: 'sspo' segmenter { min_tokens: 0 }", "segmenter.min_tokens", "0"},
        Refusal{"preset: 'sspo' segmenter { item_reading: ITEM_READING_NEWLINES }", "segmenter.item_reading",
                "newlines"},
        Refusal{"preset: 'grpo' dynamic_sampling { max_rounds: 3 }", "dynamic_sampling.max_rounds", "3"},
        Refusal{"preset: 'dapo' dynamic_sampling { max_rounds: 0 }", "dynamic_sampling.max_rounds", "0"},
        Refusal{"preset: 'sft' branches { clip_low: 0.2 }", "branches", ""},
        Refusal{"preset: 'sft' kl { coefficient: 1 }", "kl", ""},
        Refusal{"preset: 'sft' loss_reduction: LOSS_REDUCTION_GROUP_TOKEN_MEAN", "loss_reduction",
                "group_token_mean"}));

INSTANTIATE_TEST_SUITE_P(
    Advantages, RefusalTest,
    testing::Values(
        Refusal{"preset: 'grpo' advantage { epsilon: 0 }", "advantage.epsilon", "0"},
        Refusal{"preset: 'dr_grpo' advantage { epsilon: 1e-6 }", "advantage.epsilon", "1e-06"},
        Refusal{"preset: 'dr_grpo' advantage { population_std: true }", "advantage.population_std", "true"},
        Refusal{"preset: 'grpo' advantage { item { num_items: 3 } }", "advantage.item", ""},
        Refusal{"preset: 'rank_grpo' advantage { item { num_items: 0 } }", "advantage.item.num_items", "0"},
        Refusal{"preset: 'rank_grpo' advantage { item { gamma: 2 } }", "advantage.item.gamma", "2"},
        Refusal{"preset: 'rank_grpo' advantage { item { accumulation: ACCUMULATION_EXP_GAMMA gamma: 0.5 } }",
                "advantage.item.gamma", "0.5"},
        Refusal{"preset: 'rank_grpo' advantage { item { short_shaping: nan } }", "advantage.item.short_shaping", "nan"},
        Refusal{"preset: 'rank_grpo_paper' advantage { item { short_shaping: 0.1 } }", "advantage.item.short_shaping",
                "0.1"},
        Refusal{"preset: 'rank_grpo' advantage { whiten_batch: true }", "advantage.whiten_batch", "true"},
        Refusal{"preset: 'rank_grpo' advantage { unlikeliness { coefficient: 0.1 } }", "advantage.unlikeliness", ""},
        Refusal{"preset: 'grpo' advantage { unlikeliness { coefficient: 2 } }", "advantage.unlikeliness.coefficient",
                "2"},
        Refusal{"preset: 'grpo' advantage { unlikeliness { among_correct: true } }",
                "advantage.unlikeliness.among_correct", "true"},
        Refusal{"preset: 'grpo' advantage { overlong_penalty { max_tokens: -1 } }",
                "advantage.overlong_penalty.max_tokens", "-1"},
        Refusal{"preset: 'grpo' advantage { overlong_penalty { max_tokens: 8 buffer_tokens: 9 } }",
                "advantage.overlong_penalty.buffer_tokens", "9"}));

TEST(ObjectiveResolutionTest, EnumNumberThatIsNotListedIsRefusedAtAnyDepth) {
  ObjectiveSpec spec = ParseSpec("preset: 'grpo' branches { clip_low: 0.1 }");
  spec.mutable_branches(0)->set_level(static_cast<cohort::v1::SegmentLevel>(9));
  EXPECT_THAT(ResolveObjective(spec, {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("branches[0].level: "), HasSubstr("subsentence"), HasSubstr("(9)"))));
  spec = ParseSpec("preset: 'grpo'");
  spec.set_loss_reduction(static_cast<cohort::v1::LossReduction>(99));
  EXPECT_THAT(ResolveObjective(spec, {}), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("loss_reduction: ")));
}

TEST(ObjectiveResolutionTest, CreateRefusesASpecThatIsNotResolved) {
  EXPECT_THAT(Objective::Create(ParseSpec("branches { level: SEGMENT_LEVEL_TOKEN }")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not resolved")));
  EXPECT_THAT(Objective::Create(ObjectiveSpec()), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace cohort::objective
