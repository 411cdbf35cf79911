// SPDX-License-Identifier: Apache-2.0
#include "coordinator/prompt_cursor.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;

TEST(PromptCursorTest, EveryEpochTakesEveryRowOnce) {
  std::vector<int64_t> all(100);
  std::iota(all.begin(), all.end(), 0);
  PromptCursor cursor(/*seed=*/7, /*num_rows=*/100);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < 100; ++i) {
      const auto prompt = cursor.PromptAt(epoch * 100 + i);
      EXPECT_EQ(prompt.epoch, epoch);
      rows.push_back(prompt.row);
    }
    EXPECT_NE(rows, all) << "shuffled";
    std::sort(rows.begin(), rows.end());
    EXPECT_EQ(rows, all);
  }
}

TEST(PromptCursorTest, OrderDependsOnSeedAndEpochAlone) {
  EXPECT_EQ(ShuffledRows(1, 0, 50), ShuffledRows(1, 0, 50));
  EXPECT_NE(ShuffledRows(1, 0, 50), ShuffledRows(2, 0, 50));
  EXPECT_NE(ShuffledRows(1, 0, 50), ShuffledRows(1, 1, 50));
  EXPECT_NE(ShuffledRows(1, 0, 50), ShuffledRows(1 + (int64_t{1} << 32), 0, 50)) << "the upper half of the seed counts";
}

// A job resumed by another build must go on with the same prompts. The orders were computed apart from this code.
TEST(PromptCursorTest, OrderIsFixedForEver) {
  EXPECT_THAT(ShuffledRows(0, 0, 6), ElementsAre(5, 1, 0, 3, 4, 2));
  EXPECT_THAT(ShuffledRows(12345678901234, 3, 6), ElementsAre(4, 3, 0, 1, 2, 5));
}

TEST(PromptCursorTest, PositionsCanBeAskedInAnyOrder) {
  PromptCursor forward(3, 10), backward(3, 10);
  std::map<int64_t, int64_t> rows;
  for (int64_t i = 0; i < 40; ++i) rows[i] = forward.PromptAt(i).row;
  for (int64_t i = 39; i >= 0; --i) EXPECT_EQ(backward.PromptAt(i).row, rows[i]);
}

TEST(PromptCursorTest, FirstPlaceIsUniform) {
  std::map<int64_t, int> counts;
  for (int64_t seed = 0; seed < 4000; ++seed) ++counts[ShuffledRows(seed, 0, 4)[0]];
  for (const auto& [row, count] : counts) EXPECT_NEAR(count, 1000, 120) << row;
}

TEST(PromptCursorTest, SingleRowRepeats) {
  PromptCursor cursor(0, 1);
  EXPECT_EQ(cursor.PromptAt(5).row, 0);
  EXPECT_EQ(cursor.PromptAt(5).epoch, 5);
}

}  // namespace
}  // namespace cohort::coordinator
