// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/microbatch.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace cohort::learner {
namespace {

TEST(MicrobatchTest, EveryTrainedTokenIsPredictedByTheRowBeforeIt) {
  const std::vector<TrainSequence> sequences = {
      {.label = "a", .token_ids = {1, 2, 3, 4}, .num_prompt_tokens = 2, .behavior_logprobs = {-1, -2}},
      {.label = "b", .token_ids = {5, 6}, .num_prompt_tokens = 1, .behavior_logprobs = {-3}}};
  const Microbatch microbatch = BuildMicrobatch(sequences, {.begin = 0, .end = 2});
  EXPECT_EQ(microbatch.token_ids, (std::vector<int32_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(microbatch.cu_seqlens, (std::vector<int32_t>{0, 4, 6}));
  EXPECT_EQ(microbatch.trained_rows, (std::vector<int64_t>{1, 2, 4}));
  EXPECT_EQ(microbatch.targets, (std::vector<int32_t>{3, 4, 6}));
  EXPECT_EQ(microbatch.trained_cu_seqlens, (std::vector<int64_t>{0, 2, 3}));
  EXPECT_EQ(microbatch.behavior_logprobs, (std::vector<float>{-1, -2, -3}));
}

TEST(MicrobatchTest, ListIsCutByTheTokensOfPromptAndCompletion) {
  const std::vector<TrainSequence> sequences(5, {.label = "a", .token_ids = {1, 2, 3}, .num_prompt_tokens = 1});
  const std::vector<Microbatch> microbatches = BuildMicrobatches(sequences, /*max_tokens=*/6);
  ASSERT_EQ(microbatches.size(), 3);
  EXPECT_EQ(microbatches[1].sequences.begin, 2);
  EXPECT_EQ(microbatches[1].token_ids.size(), 6);
  EXPECT_EQ(microbatches[2].token_ids.size(), 3);
}

}  // namespace
}  // namespace cohort::learner
