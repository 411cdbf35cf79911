// SPDX-License-Identifier: Apache-2.0
// The property families of the specification over random ragged updates with holes in the mask, for objectives that
// together use every axis.
// Size: one suite over one list of variants.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "objective/loss_reduction.h"
#include "objective/objective.h"
#include "objective/segments.h"
#include "objective/testing/owned_batch.h"
#include "objective/testing/random_batch.h"
#include "objective/testing/specs.h"
#include "objective/testing/variants.h"
#include "objective/trained_tokens.h"

namespace cohort::objective {
namespace {

constexpr int kNumGroups = 3;
constexpr double kTolerance = 1e-12;

LossAndGradient<double> Compute(const Objective& objective, const std::vector<OwnedSequence>& sequences) {
  absl::StatusOr<LossAndGradient<double>> result = Evaluate<double>(objective, sequences, kNumGroups);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : LossAndGradient<double>();
}

void ExpectNear(const std::vector<double>& found, const std::vector<double>& expected, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (size_t t = 0; t < found.size(); ++t) EXPECT_NEAR(found[t], expected[t], kTolerance) << what << " " << t;
}

std::vector<OwnedSequence> Sequences(const Variant& variant, uint32_t seed) {
  return RandomSequences(seed, {.num_groups = kNumGroups, .has_token_advantages = variant.has_token_advantages});
}

class ObjectivePropertyTest : public testing::TestWithParam<Variant> {
 protected:
  const std::unique_ptr<Objective> objective_ = MakeObjective(GetParam().preset, GetParam().overrides);
  bool HasKlOrEntropy() const { return objective_->NeedsReference() || objective_->spec().entropy_coefficient() > 0; }
};

INSTANTIATE_TEST_SUITE_P(Variants, ObjectivePropertyTest, testing::ValuesIn(AllVariants()),
                         [](const auto& info) { return info.param.name; });

// omega by its definition, for the first branch's segments.
std::vector<double> Weights(const Objective& objective, const std::vector<OwnedSequence>& sequences) {
  const OwnedBatch<double> batch(sequences);
  const TokenBatch<double> view = batch.View();
  const TrainedTokens trained =
      FindTrainedTokens(view.cu_seqlens, view.sequences_S, objective.spec().selection().drop_truncated());
  const auto statistics = MeasureUpdate<double>(objective, {{sequences}}, kNumGroups);
  return TokenWeights(objective.spec(), trained, CutSegments(objective.spec().branches(0).level(), trained),
                      *statistics);
}

// P1.
TEST_P(ObjectivePropertyTest, OnPolicyEveryLevelAndFlowGivesMinusWeightTimesAdvantage) {
  if (HasKlOrEntropy() || objective_->num_statistic_rounds() > 1) return;
  for (uint32_t seed = 0; seed < 10; ++seed) {
    std::vector<OwnedSequence> sequences = Sequences(GetParam(), seed);
    for (OwnedSequence& sequence : sequences) {
      sequence.policy = sequence.behavior = sequence.proximal;
      sequence.token_advantages.clear();
    }
    const LossAndGradient<double> result = Compute(*objective_, sequences);
    std::vector<double> expected = Weights(*objective_, sequences);
    size_t t = 0;
    for (const OwnedSequence& sequence : sequences) {
      for (size_t i = 0; i < sequence.policy.size(); ++i) expected[t++] *= -sequence.advantage;
    }
    // Weights that vary inside a segment (per-token mixing, through) move gradient inside it.
    const bool is_spread = GetParam().name == "dhpo_entropy_through" || GetParam().name == "ratio_mix_through";
    if (!is_spread) ExpectNear(result.gradient_T, expected, "gradient");
  }
}

// P4 is about constant credit and weights, P8 about any.
TEST_P(ObjectivePropertyTest, FlowsAgreeInEverySegmentsSumAndInEveryTokenWhenCreditIsConstant) {
  cohort::v1::ObjectiveSpec other = objective_->spec();
  for (cohort::v1::RatioBranch& branch : *other.mutable_branches()) {
    if (branch.kind() == cohort::v1::SURROGATE_KIND_CISPO || branch.has_token_log_clip()) return;
    branch.set_flow(branch.flow() == cohort::v1::GRADIENT_FLOW_LOCAL ? cohort::v1::GRADIENT_FLOW_THROUGH
                                                                     : cohort::v1::GRADIENT_FLOW_LOCAL);
  }
  const auto flipped = *Objective::Create(other);
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const std::vector<OwnedSequence> sequences = Sequences(GetParam(), seed);
    const LossAndGradient<double> one = Compute(*objective_, sequences);
    const LossAndGradient<double> two = Compute(*flipped, sequences);
    EXPECT_NEAR(one.loss, two.loss, kTolerance);
    size_t begin = 0;
    for (const OwnedSequence& sequence : sequences) {
      double sum_one = 0;
      double sum_two = 0;
      for (size_t t = begin; t < begin + sequence.policy.size(); ++t) {
        sum_one += one.gradient_T[t];
        sum_two += two.gradient_T[t];
      }
      EXPECT_NEAR(sum_one, sum_two, kTolerance);
      begin += sequence.policy.size();
    }
  }
  // In clip-kind objectives without per-token factors the tokens agree as well.
  const std::vector<std::string> constant = {"gspo", "gspo_token", "luspo", "sspo", "dhpo", "tanh_z"};
  if (std::find(constant.begin(), constant.end(), GetParam().name) == constant.end()) return;
  const std::vector<OwnedSequence> sequences = Sequences(GetParam(), 99);
  ExpectNear(Compute(*objective_, sequences).gradient_T, Compute(*flipped, sequences).gradient_T, "tokens");
}

// A masked token inserted anywhere, with whatever numbers, changes nothing.
void InsertPadding(std::mt19937* random, OwnedSequence* sequence) {
  const size_t at = (*random)() % (sequence->policy.size() + 1);
  const auto insert = [at](double value, std::vector<double>* values) {
    values->insert(values->begin() + static_cast<int64_t>(at), value);
  };
  for (std::vector<double>* values : {&sequence->policy, &sequence->policy_entropy, &sequence->proximal,
                                      &sequence->proximal_entropy, &sequence->behavior, &sequence->reference}) {
    insert(-5.5, values);
  }
  if (!sequence->token_advantages.empty()) insert(9, &sequence->token_advantages);
  sequence->mask.insert(sequence->mask.begin() + static_cast<int64_t>(at), 0);
  for (std::vector<int64_t>* ends : {&sequence->subsentence_ends, &sequence->item_ends}) {
    if (ends->empty()) ends->push_back(0);
    for (size_t s = 0; s < ends->size(); ++s) {
      if ((*ends)[s] >= static_cast<int64_t>(at) && ((*ends)[s] > static_cast<int64_t>(at) || s + 1 == ends->size())) {
        ++(*ends)[s];
      }
    }
  }
}

// P5.
TEST_P(ObjectivePropertyTest, PaddingChangesNothingAndMaskedTokensGetExactlyZero) {
  std::mt19937 random(11);
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const std::vector<OwnedSequence> sequences = Sequences(GetParam(), seed);
    std::vector<OwnedSequence> padded = sequences;
    for (OwnedSequence& sequence : padded) {
      if (sequence.policy.empty()) continue;
      for (int i = 0; i < 4; ++i) InsertPadding(&random, &sequence);
    }
    const LossAndGradient<double> plain = Compute(*objective_, sequences);
    const LossAndGradient<double> with = Compute(*objective_, padded);
    EXPECT_NEAR(plain.loss, with.loss, kTolerance);
    const std::vector<uint8_t> mask = MaskOf(padded);
    std::vector<double> kept;
    for (size_t t = 0; t < mask.size(); ++t) {
      if (mask[t]) {
        kept.push_back(with.gradient_T[t]);
      } else {
        EXPECT_EQ(with.gradient_T[t], 0) << t;
        if (!with.entropy_gradient_T.empty()) {
          EXPECT_EQ(with.entropy_gradient_T[t], 0) << t;
        }
      }
    }
    std::vector<double> expected;
    const std::vector<uint8_t> plain_mask = MaskOf(sequences);
    for (size_t t = 0; t < plain_mask.size(); ++t) {
      if (plain_mask[t]) expected.push_back(plain.gradient_T[t]);
    }
    ExpectNear(kept, expected, "gradient");
    for (const auto& [name, value] : plain.sums) EXPECT_NEAR(with.sums.at(name), value, 1e-9) << name;
  }
}

// P6, and the order of sequences.
TEST_P(ObjectivePropertyTest, CutsIntoMicrobatchesAndRanksAndTheOrderOfSequencesChangeNothing) {
  std::mt19937 random(5);
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const std::vector<OwnedSequence> sequences = Sequences(GetParam(), seed);
    const LossAndGradient<double> whole = Compute(*objective_, sequences);
    std::vector<RankBatches> ranks(1 + random() % 3);
    for (RankBatches& rank : ranks) rank.resize(1 + random() % 3);
    ranks.back().push_back({});  // a microbatch without sequences
    std::vector<std::vector<std::vector<size_t>>> places(ranks.size());
    std::vector<size_t> order(sequences.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    for (size_t r = 0; r < ranks.size(); ++r) places[r].resize(ranks[r].size());
    for (const size_t i : order) {
      const size_t r = random() % ranks.size();
      const size_t b = random() % ranks[r].size();
      ranks[r][b].push_back(sequences[i]);
      places[r][b].push_back(i);
    }
    const auto cut = Evaluate<double>(*objective_, ranks, kNumGroups);
    ASSERT_TRUE(cut.ok()) << cut.status();
    EXPECT_NEAR(cut->loss, whole.loss, kTolerance);
    std::vector<std::vector<double>> by_sequence(sequences.size());
    size_t next = 0;
    for (const auto& rank : places) {
      for (const auto& batch : rank) {
        for (const size_t i : batch) {
          for (size_t t = 0; t < sequences[i].policy.size(); ++t) by_sequence[i].push_back(cut->gradient_T[next++]);
        }
      }
    }
    std::vector<double> found;
    for (const std::vector<double>& gradient : by_sequence) found.insert(found.end(), gradient.begin(), gradient.end());
    ExpectNear(found, whole.gradient_T, "gradient");
    for (const auto& [name, value] : whole.sums) EXPECT_NEAR(cut->sums.at(name), value, 1e-9) << name;
  }
}

TEST_P(ObjectivePropertyTest, GroupsWithoutAdvantageGetExactlyZeroGradient) {
  if (HasKlOrEntropy()) return;
  for (uint32_t seed = 0; seed < 5; ++seed) {
    std::vector<OwnedSequence> sequences = Sequences(GetParam(), seed);
    for (OwnedSequence& sequence : sequences) {
      if (sequence.group != 1) continue;
      sequence.advantage = 0;
      std::fill(sequence.token_advantages.begin(), sequence.token_advantages.end(), 0.0);
    }
    const LossAndGradient<double> result = Compute(*objective_, sequences);
    size_t t = 0;
    for (const OwnedSequence& sequence : sequences) {
      for (size_t i = 0; i < sequence.policy.size(); ++i, ++t) {
        if (sequence.group == 1) {
          EXPECT_EQ(result.gradient_T[t], 0) << t;
        }
      }
    }
  }
}

// fp32 against fp64 on what fp32 holds.
TEST_P(ObjectivePropertyTest, FloatsAgreeWithDoublesOnTheSameNumbers) {
  for (uint32_t seed = 0; seed < 5; ++seed) {
    std::vector<OwnedSequence> sequences = Sequences(GetParam(), seed);
    for (OwnedSequence& sequence : sequences) {
      for (std::vector<double>* values : {&sequence.policy, &sequence.policy_entropy, &sequence.proximal,
                                          &sequence.proximal_entropy, &sequence.behavior, &sequence.reference}) {
        for (double& value : *values) value = static_cast<float>(value);
      }
    }
    const LossAndGradient<double> exact = Compute(*objective_, sequences);
    const auto rounded = Evaluate<float>(*objective_, sequences, kNumGroups);
    ASSERT_TRUE(rounded.ok());
    EXPECT_NEAR(rounded->loss, exact.loss, 1e-5 * std::max(1.0, std::abs(exact.loss)));
    for (size_t t = 0; t < exact.gradient_T.size(); ++t) {
      EXPECT_NEAR(rounded->gradient_T[t], exact.gradient_T[t], 1e-5 * std::max(1.0, std::abs(exact.gradient_T[t])));
    }
  }
}

// P2.
TEST(SegmentLevelTest, SegmentsOfOneTokenAreGrpoAndOfOneResponseAreGspo) {
  const std::string segments = "branches { level: SEGMENT_LEVEL_SUBSENTENCE flow: GRADIENT_FLOW_";
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::vector<OwnedSequence> sequences =
        RandomSequences(seed, {.num_groups = kNumGroups, .has_token_advantages = true});
    for (OwnedSequence& sequence : sequences) {
      sequence.subsentence_ends.clear();
      for (size_t t = 1; t <= sequence.policy.size(); ++t) {
        sequence.subsentence_ends.push_back(static_cast<int64_t>(t));
      }
    }
    const LossAndGradient<double> tokens = Compute(*MakeObjective("grpo"), sequences);
    for (const char* flow : {"THROUGH }", "LOCAL }"}) {
      ExpectNear(Compute(*MakeObjective("grpo", segments + flow), sequences).gradient_T, tokens.gradient_T, flow);
    }
    for (OwnedSequence& sequence : sequences) {
      if (!sequence.policy.empty()) sequence.subsentence_ends = {static_cast<int64_t>(sequence.policy.size())};
    }
    for (const char* preset : {"gspo", "gspo_token"}) {
      ExpectNear(Compute(*MakeObjective(preset, "branches { level: SEGMENT_LEVEL_SUBSENTENCE }"), sequences).gradient_T,
                 Compute(*MakeObjective(preset), sequences).gradient_T, preset);
    }
  }
}

// P3: the extremes of entropy have the weights 1 and 0.
TEST(BranchMixTest, WeightsOfOneAndZeroGiveThePureBranches) {
  const std::string bounds = "clip_low: 0.1 clip_high: 0.15";
  const auto mixed = MakeObjective("dhpo_entropy", "branches {} branches { " + bounds + " }");
  const auto first = MakeObjective("grpo");
  const auto second = MakeObjective("gspo_token", "branches { " + bounds + " }");
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::vector<OwnedSequence> sequences = RandomSequences(seed, {.num_groups = kNumGroups});
    for (OwnedSequence& sequence : sequences) {
      for (size_t t = 0; t < sequence.policy.size(); ++t) sequence.proximal_entropy[t] = t % 2 == 0 ? 2 : 0.5;
      // Both extremes must be among the trained tokens.
      if (sequence.policy.size() >= 2) sequence.mask[0] = sequence.mask[1] = 1;
    }
    const LossAndGradient<double> found = Compute(*mixed, sequences);
    const LossAndGradient<double> pure_first = Compute(*first, sequences);
    const LossAndGradient<double> pure_second = Compute(*second, sequences);
    size_t t = 0;
    for (const OwnedSequence& sequence : sequences) {
      for (size_t i = 0; i < sequence.policy.size(); ++i, ++t) {
        if (sequence.policy.size() < 2) continue;
        EXPECT_NEAR(found.gradient_T[t], i % 2 == 0 ? pure_first.gradient_T[t] : pure_second.gradient_T[t], kTolerance);
      }
    }
  }
}

// P7.
TEST(TokenLevelTest, GradientIsAgainstTheAdvantageAndNoLargerThanWeightTimesRatio) {
  for (const char* preset : {"grpo", "dapo", "dr_grpo"}) {
    const auto objective = MakeObjective(preset);
    for (uint32_t seed = 0; seed < 20; ++seed) {
      const std::vector<OwnedSequence> sequences = RandomSequences(seed, {.num_groups = kNumGroups});
      const LossAndGradient<double> result = Compute(*objective, sequences);
      const std::vector<double> weights = Weights(*objective, sequences);
      size_t t = 0;
      for (const OwnedSequence& sequence : sequences) {
        for (size_t i = 0; i < sequence.policy.size(); ++i, ++t) {
          EXPECT_LE(result.gradient_T[t] * sequence.advantage, 0);
          const double bound =
              weights[t] * std::abs(sequence.advantage) * std::exp(sequence.policy[i] - sequence.proximal[i]);
          EXPECT_LE(std::abs(result.gradient_T[t]), bound * (1 + 1e-12));
        }
      }
    }
  }
}

// P9 by finite differences of the loss: the gradient of mixed ratios, both flows being one at token and response level.
TEST(MixedRatioTest, GradientIsThatOfTheLoss) {
  const auto objective = MakeObjective(
      "dhpo",
      "branches {} branches { clip_low: 0.1 clip_high: 0.15 flow: GRADIENT_FLOW_THROUGH } mix { form: FORM_RATIO }");
  for (uint32_t seed = 0; seed < 5; ++seed) {
    std::vector<OwnedSequence> sequences = RandomSequences(seed, {.num_groups = kNumGroups, .max_tokens = 10});
    const LossAndGradient<double> result = Compute(*objective, sequences);
    size_t t = 0;
    for (OwnedSequence& sequence : sequences) {
      for (double& logprob : sequence.policy) {
        const double at = logprob;
        const double step = 1e-6;
        logprob = at + step;
        const double above = Compute(*objective, sequences).loss;
        logprob = at - step;
        const double below = Compute(*objective, sequences).loss;
        logprob = at;
        EXPECT_NEAR((above - below) / (2 * step), result.gradient_T[t++], 1e-7);
      }
    }
  }
}

}  // namespace
}  // namespace cohort::objective
