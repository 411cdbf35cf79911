// SPDX-License-Identifier: Apache-2.0
// The specification's records of what losses are made of: ratios, clip ranges, mix weights, mismatch factors.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "objective/branch_mix.h"
#include "objective/clip_range.h"
#include "objective/entropy_scope.h"
#include "objective/mismatch_correction.h"
#include "objective/segment_ratio.h"
#include "objective/segments.h"
#include "objective/testing/golden.h"
#include "objective/testing/owned_batch.h"
#include "objective/testing/specs.h"
#include "objective/trained_tokens.h"

namespace cohort::objective {
namespace {

using nlohmann::json;

constexpr double kTolerance = 1e-12;

// Fixture F with its sentences.
class GoldenPartsTest : public testing::Test {
 protected:
  GoldenPartsTest() {
    rows_.resize(2);
    rows_[0].subsentence_ends = first_ends_;
    rows_[1].subsentence_ends = second_ends_;
    trained_ = FindTrainedTokens(cu_seqlens_, rows_, /*drop_truncated=*/false);
  }

  RatioInputs<double> Inputs(const Segments& segments) const {
    return {.trained = trained_,
            .segments = segments,
            .policy_T = policy_,
            .proximal_T = proximal_,
            .advantages_T = advantages_};
  }

  const std::vector<double> policy_ = GoldenNumbers("fixture_F", "logp_new");
  const std::vector<double> proximal_ = GoldenNumbers("fixture_F", "logp_old");
  const std::vector<double> entropies_ = GoldenNumbers("fixture_F", "entropy");
  const std::vector<double> advantages_ = GoldenNumbers("fixture_F", "advantage");
  const std::vector<int64_t> cu_seqlens_ = {0, 6, 10};
  const std::vector<int64_t> first_ends_ = {3, 6};
  const std::vector<int64_t> second_ends_ = {2, 4};
  std::vector<BatchSequence> rows_;
  TrainedTokens trained_;
};

// Names of the fixture's sentences in the records.
const std::vector<std::string>& Sentences() {
  static const auto* const names = new std::vector<std::string>{"(0, 0)", "(0, 1)", "(1, 0)", "(1, 1)"};
  return *names;
}

TEST_F(GoldenPartsTest, TokenRatiosAgree) {
  const Segments segments = CutSegments(cohort::v1::SEGMENT_LEVEL_TOKEN, trained_);
  const std::vector<double> ratios = SegmentRatios(cohort::v1::RatioBranch(), Inputs(segments));
  const std::vector<double> expected = GoldenNumbers("fixture_F", "token_ratio");
  ASSERT_EQ(ratios.size(), expected.size());
  for (size_t t = 0; t < expected.size(); ++t) EXPECT_NEAR(ratios[t], expected[t], kTolerance);
}

TEST_F(GoldenPartsTest, SentenceRatiosEntropiesAndBoundsAgree) {
  const Segments segments = CutSegments(cohort::v1::SEGMENT_LEVEL_SUBSENTENCE, trained_);
  const std::vector<double> ratios = SegmentRatios(cohort::v1::RatioBranch(), Inputs(segments));
  const std::vector<double> entropies = SegmentEntropies(segments, trained_, entropies_);
  for (const auto& [form, adaptation] : std::vector<std::pair<std::string, std::string>>{
           {"ratio_linear", "LINEAR"}, {"tanhz_linear", "TANH_Z"}, {"ratio_log", "LOG"}, {"fixed", "NONE"}}) {
    const json& record = Golden().at("sspo/" + form + "_0.1/token-mean");
    const cohort::v1::RatioBranch branch =
        ResolvedSpec("sspo", "branches { clip_low: 0.1 clip_high: 0.1 adaptation: CLIP_ADAPTATION_" + adaptation + " }")
            .branches(0);
    std::vector<EntropyCell> cells(1);
    AddToClipCells(branch, trained_, segments, entropies_, &cells);
    if (form == "ratio_linear") {
      EXPECT_NEAR(cells[0].sum / cells[0].num_units, record.at("H_bar").get<double>(), kTolerance);
    }
    const ClipRange range = FindClipRange(branch, trained_, segments, entropies_, cells);
    for (size_t s = 0; s < Sentences().size(); ++s) {
      const std::string& name = Sentences()[s];
      EXPECT_NEAR(ratios[s], record.at("sentence_ratio").at(name).get<double>(), kTolerance);
      EXPECT_NEAR(entropies[s], record.at("sentence_entropy").at(name).get<double>(), kTolerance);
      const double low = range.low_units.empty() ? range.low : range.low_units[s];
      const double high = range.high_units.empty() ? range.high : range.high_units[s];
      EXPECT_NEAR(1 - low, record.at("lo").at(name).get<double>(), kTolerance) << form;
      EXPECT_NEAR(1 + high, record.at("hi").at(name).get<double>(), kTolerance) << form;
    }
  }
}

TEST_F(GoldenPartsTest, MixWeightsAgree) {
  for (const auto& [record, overrides] : std::vector<std::pair<std::string, std::string>>{
           {"avg", "mix { weighting: WEIGHTING_AVERAGE }"},
           {"entropy_high_to_token", "mix { weighting: WEIGHTING_ENTROPY }"},
           {"entropy_high_to_seq", "mix { weighting: WEIGHTING_ENTROPY invert: true }"},
           {"entropy_batch_scope", "mix { weighting: WEIGHTING_ENTROPY scope: STATISTIC_SCOPE_BATCH }"}}) {
    const cohort::v1::MixSpec mix = ResolvedSpec("dhpo", overrides).mix();
    const cohort::v1::StatisticScope scope =
        mix.scope() == cohort::v1::STATISTIC_SCOPE_UNSPECIFIED ? cohort::v1::STATISTIC_SCOPE_BATCH : mix.scope();
    std::vector<EntropyCell> cells(static_cast<size_t>(NumCells(scope, /*num_sequences=*/2, /*num_groups=*/1)));
    AddTokens(scope, trained_, entropies_, &cells);
    const std::vector<double> weights = MixWeights(mix, trained_, entropies_, cells);
    const std::vector<double> expected = GoldenNumbers("dhpo/" + record + "/tok0.2_seq3e-4", "w_token");
    for (size_t t = 0; t < expected.size(); ++t) EXPECT_NEAR(weights[t], expected[t], kTolerance) << record;
  }
}

TEST_F(GoldenPartsTest, ListRatiosAgree) {
  const json& record = Golden().at("rank_grpo/code_token-mean");
  const std::vector<double> policy = record.at("logp_new");
  const std::vector<double> proximal = record.at("logp_old");
  std::vector<BatchSequence> rows(2);
  const std::vector<int64_t> first = {4, 7, 10};
  const std::vector<int64_t> second = {3, 6, 9, 12};
  rows[0].item_ends = first;
  rows[1].item_ends = second;
  const std::vector<int64_t> cu_seqlens = {0, 10, 22};
  const TrainedTokens trained = FindTrainedTokens(cu_seqlens, rows, /*drop_truncated=*/false);
  const Segments segments = CutSegments(cohort::v1::SEGMENT_LEVEL_ITEM, trained);
  const std::vector<double> advantages(22, 0.0);
  const RatioInputs<double> inputs{
      .trained = trained, .segments = segments, .policy_T = policy, .proximal_T = proximal, .advantages_T = advantages};
  const std::vector<double> ratios = SegmentRatios(cohort::v1::RatioBranch(), inputs);
  const std::vector<std::string> names = {"(0, 0)", "(0, 1)", "(0, 2)", "(1, 0)", "(1, 1)", "(1, 2)", "(1, 3)"};
  ASSERT_EQ(ratios.size(), names.size());
  for (size_t s = 0; s < names.size(); ++s) {
    EXPECT_NEAR(ratios[s], record.at("ratio").at(names[s]).get<double>(), kTolerance);
  }
}

std::vector<double> PerSequence(const json& values) {
  std::vector<double> factors(6, values.at("0").get<double>());
  factors.resize(10, values.at("1").get<double>());
  return factors;
}

TEST_F(GoldenPartsTest, MismatchFactorsAgree) {
  const json& record = Golden().at("mismatch/weights");
  const std::vector<double> behavior = record.at("logp_rollout");
  const std::vector<std::pair<std::string, std::vector<double>>> cases = {
      {"correction: CORRECTION_TRUNCATE level: LEVEL_TOKEN cap: 1000", record.at("token_weight")},
      {"correction: CORRECTION_TRUNCATE level: LEVEL_TOKEN cap: 2", record.at("tis_cap2")},
      {"correction: CORRECTION_MASK level: LEVEL_TOKEN low: 0.5 cap: 2", record.at("icepop_0p5_2")},
      {"correction: CORRECTION_TRUNCATE level: LEVEL_SEQUENCE cap: 1000", PerSequence(record.at("seq_product"))},
      {"correction: CORRECTION_TRUNCATE level: LEVEL_SEQUENCE_MEAN cap: 1000", PerSequence(record.at("seq_geomean"))},
      {"correction: CORRECTION_TRUNCATE level: LEVEL_SEQUENCE cap: 3", PerSequence(record.at("seq_truncate_cap3"))},
      {"correction: CORRECTION_MASK level: LEVEL_SEQUENCE cap: 3", PerSequence(record.at("seq_mask_cap3"))}};
  for (const auto& [text, expected] : cases) {
    const cohort::v1::MismatchSpec spec = ResolvedSpec("grpo", "mismatch { " + text + " }").mismatch();
    const std::vector<double> factors = MismatchFactors<double>(spec, trained_, proximal_, behavior);
    for (size_t t = 0; t < expected.size(); ++t) EXPECT_NEAR(factors[t], expected[t], kTolerance) << text;
  }
}

TEST_F(GoldenPartsTest, NormalizedMismatchFactorsAndEffectiveSampleSizeAgree) {
  const json& record = Golden().at("mismatch/weights");
  const std::vector<double> behavior = record.at("logp_rollout");
  const cohort::v1::MismatchSpec spec =
      ResolvedSpec("grpo", "mismatch { correction: CORRECTION_TRUNCATE cap: 2 normalize: true }").mismatch();
  const std::vector<double> factors = MismatchFactors<double>(spec, trained_, proximal_, behavior);
  const FactorSum sum = SumFactors(spec, trained_, factors);
  const std::vector<double> expected = record.at("tis_batch_normalised");
  for (size_t t = 0; t < expected.size(); ++t) {
    EXPECT_NEAR(factors[t] / (sum.sum / sum.count), expected[t], kTolerance);
  }

  OwnedSequence sequence;
  sequence.policy = policy_;
  sequence.proximal = proximal_;
  sequence.behavior = behavior;
  const auto result = Evaluate<double>(*MakeObjective("grpo"), std::vector<OwnedSequence>{sequence}, 1);
  ASSERT_TRUE(result.ok()) << result.status();
  const double weight = result->sums.at("sum_mismatch_weight");
  EXPECT_NEAR(weight * weight / (10 * result->sums.at("sum_mismatch_weight_squared")),
              record.at("ess_token").get<double>(), kTolerance);
}

// dhpo/variant_equivalence: mixed surrogates and mixed ratios differ in loss or gradient only where the two ratios
// leave their ranges on opposite sides.
TEST(DhpoVariantsTest, FormsDifferOnlyWhereTheRatiosLeaveTheirRangesOnOppositeSides) {
  EXPECT_EQ(Golden().at("dhpo/variant_equivalence").at("differ_without_opposite_side"), 0);
  const std::string second = "branches {} branches { clip_low: 0.1 clip_high: 0.1 flow: GRADIENT_FLOW_LOCAL } ";
  const auto surrogates = MakeObjective("dhpo", second);
  const auto ratios = MakeObjective("dhpo", second + "mix { form: FORM_RATIO }");
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  int num_differ = 0;
  int num_opposite = 0;
  for (int i = 0; i < 2000; ++i) {
    OwnedSequence sequence;
    sequence.label = "pair";
    sequence.advantage = normal(random);
    sequence.proximal = {-1, -1};
    sequence.policy = {-1 + 0.4 * normal(random), -1 + 0.4 * normal(random)};
    const auto one = Evaluate<double>(*surrogates, std::vector<OwnedSequence>{sequence}, 1);
    const auto two = Evaluate<double>(*ratios, std::vector<OwnedSequence>{sequence}, 1);
    ASSERT_TRUE(one.ok() && two.ok());
    const double response = std::exp((sequence.policy[0] + sequence.policy[1] + 2) / 2);
    bool is_opposite = false;
    for (const double logprob : sequence.policy) {
      const double token = std::exp(logprob + 1);
      is_opposite = is_opposite || (token > 1.2 && response < 0.9) || (token < 0.8 && response > 1.1);
    }
    double difference = std::abs(one->loss - two->loss);
    for (size_t t = 0; t < 2; ++t) {
      difference = std::max(difference, std::abs(one->gradient_T[t] - two->gradient_T[t]));
    }
    num_differ += difference > 1e-12 ? 1 : 0;
    num_opposite += is_opposite ? 1 : 0;
    EXPECT_FALSE(difference > 1e-12 && !is_opposite) << sequence.policy[0] << " " << sequence.policy[1];
  }
  EXPECT_GT(num_differ, 50);
  EXPECT_EQ(num_differ, num_opposite);
}

}  // namespace
}  // namespace cohort::objective
