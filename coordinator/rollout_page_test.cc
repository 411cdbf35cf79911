// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rollout_page.h"

#include <gmock/gmock.h>

#include <string>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

// Completions of `num_bytes` of text each.
cohort::v1::StoredRollouts Stored(int num_rollouts, size_t num_bytes) {
  cohort::v1::StoredRollouts stored;
  stored.set_prompt("prompt");
  stored.mutable_group()->set_group_id(3);
  for (int i = 0; i < num_rollouts; ++i) {
    cohort::v1::Rollout& rollout = *stored.mutable_group()->add_rollouts();
    rollout.set_sibling(i);
    rollout.set_text(std::string(num_bytes, 't'));
    rollout.add_token_ids(i);
  }
  return stored;
}

TEST(RolloutPageTest, GroupsAreAddedUntilThePageHasAsManyAsAskedFor) {
  RolloutPage page(/*max_groups=*/2);
  EXPECT_EQ(page.Add(Stored(4, 10), 0), 4);
  EXPECT_FALSE(page.IsFull());
  EXPECT_EQ(page.Add(Stored(3, 10), 0), 3);
  EXPECT_TRUE(page.IsFull());
  page.CountReleased();
  const auto response = page.Take();
  ASSERT_EQ(response.rollouts_size(), 2);
  EXPECT_EQ(response.rollouts(0).group().rollouts_size(), 4);
  EXPECT_EQ(response.rollouts(0).prompt(), "prompt");
  EXPECT_EQ(response.num_released_groups(), 1);
}

TEST(RolloutPageTest, GroupsWithoutCompletionsAreTakenWholeAsLongAsTheyFit) {
  RolloutPage page(/*max_groups=*/100);
  cohort::v1::StoredRollouts stored = Stored(4, 10);
  KeepTimingsOnly(stored.mutable_group());
  EXPECT_EQ(stored.group().rollouts_size(), 0);
  EXPECT_TRUE(page.AddWhole(stored));
  cohort::v1::StoredRollouts large;
  large.set_prompt(std::string(static_cast<size_t>(RolloutPage::kMaxBytes) - 10, 'p'));
  EXPECT_FALSE(page.AddWhole(large));
  EXPECT_EQ(page.Take().rollouts_size(), 1);
}

TEST(RolloutPageTest, GroupThatDoesNotFitIsContinuedOnThePagesThatFollow) {
  const auto stored = Stored(8, 1 << 20);
  int next = 0, num_pages = 0, num_rollouts = 0;
  while (next < 8) {
    RolloutPage page(/*max_groups=*/10);
    next = page.Add(stored, next);
    const auto response = page.Take();
    EXPECT_LE(response.ByteSizeLong(), static_cast<size_t>(RolloutPage::kMaxBytes));
    ASSERT_EQ(response.rollouts_size(), 1);
    EXPECT_EQ(response.rollouts(0).group().rollouts(0).sibling(), num_rollouts);
    num_rollouts += response.rollouts(0).group().rollouts_size();
    ++num_pages;
  }
  EXPECT_EQ(num_rollouts, 8);
  EXPECT_EQ(num_pages, 3);
}

TEST(RolloutPageTest, GroupOfWhichNothingFitsAnyMoreIsLeftToTheNextPage) {
  RolloutPage page(/*max_groups=*/10);
  EXPECT_EQ(page.Add(Stored(3, 1 << 20), 0), 3);
  EXPECT_EQ(page.Add(Stored(1, 1 << 20), 0), 0);
  EXPECT_EQ(page.Take().rollouts_size(), 1);
}

TEST(RolloutPageTest, CompletionThatIsLargerThanAPageComesAsText) {
  auto stored = Stored(2, 1 << 20);
  for (int i = 0; i < (1 << 20); ++i) stored.mutable_group()->mutable_rollouts(0)->add_behavior_logprobs(-1);
  RolloutPage page(/*max_groups=*/10);
  EXPECT_EQ(page.Add(stored, 0), 1);
  const auto response = page.Take();
  EXPECT_EQ(response.rollouts(0).group().rollouts(0).text().size(), size_t{1} << 20);
  EXPECT_EQ(response.rollouts(0).group().rollouts(0).behavior_logprobs_size(), 0);
  EXPECT_LE(response.ByteSizeLong(), static_cast<size_t>(RolloutPage::kMaxBytes));
}

TEST(RolloutPageTest, ContinuationBehindTheEndAddsNothing) {
  RolloutPage page(/*max_groups=*/10);
  EXPECT_EQ(page.Add(Stored(2, 10), 5), 2);
  EXPECT_EQ(page.Add(Stored(0, 10), 0), 0);
  EXPECT_EQ(page.Take().rollouts_size(), 0);
}

}  // namespace
}  // namespace cohort::coordinator
