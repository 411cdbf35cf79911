// SPDX-License-Identifier: Apache-2.0
#include "objective/loss_reduction.h"

#include <gtest/gtest.h>

#include <vector>

namespace cohort::objective {
namespace {

const std::vector<int64_t> kOffsets = {0, 2, 2, 5};  // sequences of 2, 0 and 3 tokens
const Denominators kTotals = {.num_tokens = 10, .num_sequences = 4};

TEST(LossReductionTest, TokenMeanDividesByAllTokensOfTheUpdate) {
  EXPECT_EQ(*TokenWeights(cohort::v1::LOSS_REDUCTION_TOKEN_MEAN, kOffsets, kTotals), std::vector<double>(5, 0.1));
}

TEST(LossReductionTest, UnspecifiedStandsForTokenMean) {
  EXPECT_EQ(*TokenWeights(cohort::v1::LOSS_REDUCTION_UNSPECIFIED, kOffsets, kTotals), std::vector<double>(5, 0.1));
}

TEST(LossReductionTest, SequenceMeanTokenMeanDividesByTheSequencesOwnTokens) {
  EXPECT_EQ(*TokenWeights(cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN, kOffsets, kTotals),
            (std::vector<double>{1.0 / 8, 1.0 / 8, 1.0 / 12, 1.0 / 12, 1.0 / 12}));
}

TEST(LossReductionTest, SequenceMeanTokenSumDividesBySequencesAlone) {
  EXPECT_EQ(*TokenWeights(cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM, kOffsets, kTotals),
            std::vector<double>(5, 0.25));
}

TEST(LossReductionTest, TotalsBelowTheMicrobatchAreRefused) {
  const auto weights =
      TokenWeights(cohort::v1::LOSS_REDUCTION_TOKEN_MEAN, kOffsets, {.num_tokens = 4, .num_sequences = 4});
  EXPECT_EQ(weights.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cohort::objective
