// SPDX-License-Identifier: Apache-2.0
#include "learner/batch/packer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace cohort::learner {
namespace {

std::vector<SequenceLength> Lengths(const std::vector<int64_t>& tokens, int64_t shared_tokens = 0) {
  std::vector<SequenceLength> lengths;
  for (const int64_t length : tokens) lengths.push_back({.tokens = length, .shared_tokens = shared_tokens});
  return lengths;
}

std::vector<std::pair<int64_t, int64_t>> Cuts(const std::vector<int64_t>& tokens, int64_t max_tokens,
                                              int64_t shared_tokens = 0) {
  std::vector<std::pair<int64_t, int64_t>> cuts;
  for (const SequenceRange& range : PackSequences(Lengths(tokens, shared_tokens), max_tokens)) {
    cuts.emplace_back(range.begin, range.end);
  }
  return cuts;
}

using Ranges = std::vector<std::pair<int64_t, int64_t>>;

TEST(PackerTest, FillsUpToTheBudgetAndNotBeyond) {
  EXPECT_EQ(Cuts({4, 4, 2, 5, 5, 1}, 10), (Ranges{{0, 3}, {3, 5}, {5, 6}}));
}

TEST(PackerTest, SequenceLongerThanTheBudgetIsAlone) {
  EXPECT_EQ(Cuts({3, 25, 3, 3}, 10), (Ranges{{0, 1}, {1, 2}, {2, 4}}));
  EXPECT_EQ(Cuts({25}, 10), (Ranges{{0, 1}}));
}

TEST(PackerTest, SharedTokensCountOnceInAMicrobatch) {
  EXPECT_EQ(Cuts({5, 5, 5, 5}, 10, /*shared_tokens=*/3), (Ranges{{0, 3}, {3, 4}}));  // 5 + 2 + 2, then all 5 again
  EXPECT_EQ(Cuts({5, 5, 5, 5}, 11, /*shared_tokens=*/3), (Ranges{{0, 4}}));
  EXPECT_EQ(Cuts({12, 5, 5}, 10, /*shared_tokens=*/3), (Ranges{{0, 1}, {1, 3}}));
}

TEST(PackerTest, NothingGivesNoMicrobatch) { EXPECT_EQ(Cuts({}, 10), Ranges{}); }

TEST(PackerTest, RandomListsAreCoveredInOrderWithinTheBudget) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> lengths(random() % 40);
    for (int64_t& length : lengths) length = 1 + random() % 30;
    int64_t next = 0;
    for (const SequenceRange& range : PackSequences(Lengths(lengths), 32)) {
      ASSERT_EQ(range.begin, next);
      ASSERT_LT(range.begin, range.end);
      int64_t num_tokens = 0;
      for (int64_t i = range.begin; i < range.end; ++i) num_tokens += lengths[i];
      EXPECT_LE(num_tokens, 32);
      next = range.end;
    }
    EXPECT_EQ(next, static_cast<int64_t>(lengths.size()));
  }
}

}  // namespace
}  // namespace cohort::learner
