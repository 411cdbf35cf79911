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
  EXPECT_EQ(microbatch.prefixes, (std::vector<int32_t>{-1, -1}));
  EXPECT_EQ(microbatch.trained_rows, (std::vector<int64_t>{1, 2, 4}));
  EXPECT_EQ(microbatch.targets, (std::vector<int32_t>{3, 4, 6}));
  EXPECT_EQ(microbatch.trained_cu_seqlens, (std::vector<int64_t>{0, 2, 3}));
  EXPECT_EQ(microbatch.behavior_logprobs, (std::vector<float>{-1, -2, -3}));
}

TEST(MicrobatchTest, ListIsCutByTheTokensOfPromptAndCompletion) {
  const std::vector<TrainSequence> sequences(5, {.label = "a", .token_ids = {1, 2, 3}, .num_prompt_tokens = 1});
  const std::vector<Microbatch> microbatches = BuildMicrobatches(sequences, {.max_tokens = 6});
  ASSERT_EQ(microbatches.size(), 3);
  EXPECT_EQ(microbatches[1].sequences.begin, 2);
  EXPECT_EQ(microbatches[1].token_ids.size(), 6);
  EXPECT_EQ(microbatches[2].token_ids.size(), 3);
}

TrainSequence WithPrompt(const std::vector<int32_t>& prompt, const std::vector<int32_t>& completion) {
  TrainSequence sequence{.label = "a", .token_ids = prompt, .num_prompt_tokens = static_cast<int64_t>(prompt.size())};
  sequence.token_ids.insert(sequence.token_ids.end(), completion.begin(), completion.end());
  sequence.behavior_logprobs.assign(completion.size(), -1);
  return sequence;
}

// With the positions that the decoder gives the runs, every trained token is at its place behind its own prompt.
TEST(MicrobatchTest, NeighboursShareTheWholeBlocksOfTheirPromptButItsLastToken) {
  const std::vector<TrainSequence> sequences = {WithPrompt({1, 2, 3, 4, 5, 6}, {7}),
                                                WithPrompt({1, 2, 3, 4, 5, 6}, {8, 9}),
                                                WithPrompt({1, 2, 3, 4, 5, 6}, {10}), WithPrompt({11, 12, 13}, {14})};
  const Microbatch microbatch = BuildMicrobatch(sequences, {.begin = 0, .end = 4}, /*shared_block_tokens=*/2);
  EXPECT_EQ(microbatch.token_ids, (std::vector<int32_t>{1, 2, 3, 4, 5, 6, 7, 5, 6, 8, 9, 5, 6, 10, 11, 12, 13, 14}));
  EXPECT_EQ(microbatch.cu_seqlens, (std::vector<int32_t>{0, 4, 7, 11, 14, 18}));
  EXPECT_EQ(microbatch.prefixes, (std::vector<int32_t>{-1, 0, 0, 0, -1}));
  EXPECT_EQ(microbatch.trained_rows, (std::vector<int64_t>{5, 8, 9, 12, 16}));
  EXPECT_EQ(microbatch.targets, (std::vector<int32_t>{7, 8, 9, 10, 14}));
  EXPECT_EQ(microbatch.trained_cu_seqlens, (std::vector<int64_t>{0, 1, 3, 4, 5}));
  EXPECT_EQ(microbatch.behavior_logprobs, (std::vector<float>(5, -1)));
}

TEST(MicrobatchTest, OnlyEqualTokensOfNeighboursAreShared) {
  const auto prefixes = [](const std::vector<TrainSequence>& sequences) {
    return BuildMicrobatch(sequences, {.begin = 0, .end = static_cast<int64_t>(sequences.size())},
                           /*shared_block_tokens=*/2)
        .prefixes;
  };
  const std::vector<int32_t> nothing = {-1, -1};
  EXPECT_EQ(prefixes({WithPrompt({1, 2}, {3}), WithPrompt({1, 2}, {3})}), nothing) << "no whole block";
  EXPECT_EQ(prefixes({WithPrompt({1, 2, 3}, {4}), WithPrompt({1, 9, 3}, {4})}), nothing) << "another token";
  EXPECT_EQ(prefixes({WithPrompt({1, 2, 3}, {4}), WithPrompt({1, 2, 3, 4, 5}, {4})}), nothing) << "another length";
  const TrainSequence a = WithPrompt({1, 2, 3}, {4}), b = WithPrompt({5, 6, 7}, {8});
  EXPECT_EQ(prefixes({a, b, a}), (std::vector<int32_t>{-1, -1, -1})) << "no neighbours";
  EXPECT_EQ(prefixes({a, a, b, b}), (std::vector<int32_t>{-1, 0, 0, -1, 3, 3}));
}

TEST(MicrobatchTest, SharedPromptCountsOnceInTheBudgetAndIsRepeatedInTheNextMicrobatch) {
  const std::vector<TrainSequence> sequences(5, WithPrompt({1, 2, 3, 4, 5}, {6}));
  const PackingOptions options{.max_tokens = 11, .shared_block_tokens = 4};
  const std::vector<Microbatch> microbatches = BuildMicrobatches(sequences, options);  // 4 + 2 + 2 + 2
  ASSERT_EQ(microbatches.size(), 2);
  EXPECT_EQ(microbatches[0].token_ids, (std::vector<int32_t>{1, 2, 3, 4, 5, 6, 5, 6, 5, 6}));
  EXPECT_EQ(microbatches[1].token_ids, (std::vector<int32_t>{1, 2, 3, 4, 5, 6, 5, 6}));
  EXPECT_EQ(microbatches[1].prefixes, (std::vector<int32_t>{-1, 0, 0}));
  EXPECT_EQ(microbatches[1].trained_rows, (std::vector<int64_t>{4, 6}));
  EXPECT_EQ(microbatches[1].sequences.begin, 3);
}

TEST(MicrobatchTest, SequenceAloneInItsMicrobatchSharesNothing) {
  const std::vector<TrainSequence> sequences(3, WithPrompt({1, 2, 3, 4, 5}, {6}));
  const PackingOptions options{.max_tokens = 8, .shared_block_tokens = 4};
  const std::vector<Microbatch> microbatches = BuildMicrobatches(sequences, options);
  ASSERT_EQ(microbatches.size(), 2);
  EXPECT_EQ(microbatches[1].cu_seqlens, (std::vector<int32_t>{0, 6}));
  EXPECT_EQ(microbatches[1].prefixes, (std::vector<int32_t>{-1}));
}

}  // namespace
}  // namespace cohort::learner
