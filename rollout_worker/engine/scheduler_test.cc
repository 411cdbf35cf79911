// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "common/testing/status_matchers.h"

namespace cohort::rollout_worker {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

constexpr int32_t kBlock = 16;

using NameList = std::vector<std::pair<int64_t, int32_t>>;

NameList Names(const std::vector<Admission>& admissions) {
  NameList names;
  for (const Admission& admission : admissions) names.emplace_back(admission.group_id, admission.sibling);
  return names;
}

TEST(SchedulerTest, SequencesJoinInOrderOfArrivalAndSibling) {
  Scheduler scheduler({.max_sequences = 3, .block_tokens = kBlock}, /*num_blocks=*/100);
  ASSERT_OK(scheduler.Add(/*group_id=*/7, /*num_prompt_tokens=*/5, /*group_size=*/2, /*max_completion_tokens=*/8));
  ASSERT_OK(scheduler.Add(/*group_id=*/3, /*num_prompt_tokens=*/5, /*group_size=*/2, /*max_completion_tokens=*/8));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> first, scheduler.Admit());
  EXPECT_EQ(Names(first), (NameList{{7, 0}, {7, 1}, {3, 0}}));
  EXPECT_EQ(scheduler.num_running(), 3);
  EXPECT_EQ(scheduler.num_waiting(), 1);
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> none, scheduler.Admit());
  EXPECT_TRUE(none.empty());
  ASSERT_OK(scheduler.Leave(first[0].slot));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> second, scheduler.Admit());
  EXPECT_EQ(Names(second), (NameList{{3, 1}}));
  EXPECT_EQ(second[0].slot, first[0].slot);
}

TEST(SchedulerTest, PromptIsPrefilledByTheFirstSiblingOnly) {
  Scheduler scheduler({.max_sequences = 8, .block_tokens = kBlock}, 100);
  ASSERT_OK(scheduler.Add(1, 20, 4, 8));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> joined, scheduler.Admit());
  ASSERT_EQ(joined.size(), 4u);
  EXPECT_TRUE(joined[0].needs_prefill);
  EXPECT_EQ(joined[0].prompt_blocks.size(), 2u);
  for (int i = 1; i < 4; ++i) EXPECT_FALSE(joined[i].needs_prefill);
}

TEST(SchedulerTest, SiblingsShareFullPromptBlocksAndCopyTheLast) {
  Scheduler scheduler({.max_sequences = 8, .block_tokens = kBlock}, 100);
  ASSERT_OK(scheduler.Add(1, 2 * kBlock + 3, 3, 8));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> joined, scheduler.Admit());
  std::set<int32_t> private_blocks;
  for (const Admission& admission : joined) {
    const std::vector<int32_t>& table = scheduler.block_table(admission.slot);
    EXPECT_EQ(table[0], joined[0].prompt_blocks[0]);
    EXPECT_EQ(table[1], joined[0].prompt_blocks[1]);
    EXPECT_TRUE(private_blocks.insert(table[2]).second);
    const bool is_last = admission.sibling == 2;
    EXPECT_EQ(admission.copy_from_block, is_last ? -1 : joined[0].prompt_blocks[2]);
    EXPECT_EQ(admission.copy_to_block, is_last ? -1 : table[2]);
  }
  EXPECT_EQ(scheduler.blocks().num_holders(joined[0].prompt_blocks[0]), 3);
  // The last sibling took the partly filled block over: 2 shared and 3 private ones are held, no more.
  EXPECT_EQ(scheduler.blocks().num_blocks() - scheduler.blocks().num_free(), 5);
}

TEST(SchedulerTest, PromptOfWholeBlocksNeedsNoCopy) {
  Scheduler scheduler({.max_sequences = 8, .block_tokens = kBlock}, 100);
  ASSERT_OK(scheduler.Add(1, 2 * kBlock, 2, 8));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> joined, scheduler.Admit());
  for (const Admission& admission : joined) {
    EXPECT_EQ(admission.copy_from_block, -1);
    EXPECT_EQ(scheduler.block_table(admission.slot).size(), 3u);
  }
}

TEST(SchedulerTest, SequenceWaitsUntilAllItsBlocksAreFree) {
  // One sequence needs 2 blocks; the cache has 3.
  Scheduler scheduler({.max_sequences = 8, .block_tokens = kBlock}, 3);
  ASSERT_OK(scheduler.Add(1, kBlock, 1, kBlock));
  ASSERT_OK(scheduler.Add(2, kBlock, 1, kBlock));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> first, scheduler.Admit());
  EXPECT_EQ(Names(first), (NameList{{1, 0}}));
  ASSERT_OK(scheduler.Leave(first[0].slot));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> second, scheduler.Admit());
  EXPECT_EQ(Names(second), (NameList{{2, 0}}));
}

TEST(SchedulerTest, GroupThatCannotEverFitIsRefused) {
  Scheduler scheduler({.max_sequences = 8, .block_tokens = kBlock}, 2);
  EXPECT_THAT(scheduler.Add(1, 30, 1, 30),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("--kv_cache_tokens")));
  EXPECT_EQ(scheduler.num_waiting(), 0);
}

TEST(SchedulerTest, PrefillOfOneStepIsBoundedButLongPromptJoinsAlone) {
  Scheduler scheduler({.max_sequences = 8, .max_prefill_tokens = 20, .block_tokens = kBlock}, 100);
  ASSERT_OK(scheduler.Add(1, 50, 1, 4));
  ASSERT_OK(scheduler.Add(2, 10, 1, 4));
  ASSERT_OK(scheduler.Add(3, 10, 2, 4));
  ASSERT_OK(scheduler.Add(4, 10, 1, 4));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> first, scheduler.Admit());
  EXPECT_EQ(Names(first), (NameList{{1, 0}}));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> second, scheduler.Admit());
  EXPECT_EQ(Names(second), (NameList{{2, 0}, {3, 0}, {3, 1}}));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> third, scheduler.Admit());
  EXPECT_EQ(Names(third), (NameList{{4, 0}}));
}

TEST(SchedulerTest, DropFreesRunningAndWaitingSiblings) {
  Scheduler scheduler({.max_sequences = 2, .block_tokens = kBlock}, 100);
  ASSERT_OK(scheduler.Add(1, 20, 4, 8));
  ASSERT_OK(scheduler.Add(2, 20, 1, 8));
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> joined, scheduler.Admit());
  ASSERT_EQ(joined.size(), 2u);
  ASSERT_OK_AND_ASSIGN(const std::vector<int32_t> slots, scheduler.Drop(1));
  EXPECT_EQ(slots.size(), 2u);
  EXPECT_EQ(scheduler.blocks().num_free(), 100);
  EXPECT_EQ(scheduler.num_running(), 0);
  EXPECT_EQ(scheduler.num_waiting(), 1);
  ASSERT_OK_AND_ASSIGN(const std::vector<Admission> next, scheduler.Admit());
  EXPECT_EQ(Names(next), (NameList{{2, 0}}));
}

// A block that two running sequences have is a full block of one group's prompt; every sequence gets its turn; nothing
// leaks.
TEST(SchedulerTest, RandomTrafficNeitherLeaksNorMixesBlocks) {
  std::mt19937 random(17);
  Scheduler scheduler({.max_sequences = 5, .max_prefill_tokens = 64, .block_tokens = kBlock}, 24);
  std::map<int64_t, int32_t> prompt_tokens;
  std::map<int32_t, int64_t> group_of_slot;
  int64_t num_added = 0, num_joined = 0;
  for (int64_t step = 0; step < 6000; ++step) {
    if (random() % 16 == 0 && step < 2000) {
      const int32_t group_size = 1 + static_cast<int32_t>(random() % 7);
      prompt_tokens[step] = 1 + static_cast<int32_t>(random() % 60);
      ASSERT_OK(scheduler.Add(step, prompt_tokens[step], group_size, 1 + static_cast<int32_t>(random() % 60)));
      num_added += group_size;
    }
    ASSERT_OK_AND_ASSIGN(const std::vector<Admission> joined, scheduler.Admit());
    num_joined += static_cast<int64_t>(joined.size());
    for (const Admission& admission : joined) group_of_slot[admission.slot] = admission.group_id;
    std::map<int32_t, std::pair<int64_t, size_t>> owner;  // block -> group, index in the table
    for (const auto& [slot, group] : group_of_slot) {
      const std::vector<int32_t>& table = scheduler.block_table(slot);
      for (size_t i = 0; i < table.size(); ++i) {
        const auto [entry, is_new] = owner.insert({table[i], {group, i}});
        if (is_new) continue;
        ASSERT_EQ(entry->second, std::make_pair(group, i));
        ASSERT_LT(static_cast<int32_t>(i), prompt_tokens[group] / kBlock);
      }
    }
    if (!group_of_slot.empty() && random() % 2 == 0) {
      const auto leaving = std::next(group_of_slot.begin(), random() % group_of_slot.size());
      ASSERT_OK(scheduler.Leave(leaving->first));
      group_of_slot.erase(leaving);
    }
  }
  EXPECT_EQ(num_joined, num_added);
  EXPECT_EQ(scheduler.num_waiting(), 0);
  for (const auto& [slot, group] : group_of_slot) ASSERT_OK(scheduler.Leave(slot));
  EXPECT_EQ(scheduler.blocks().num_free(), 24);
}

}  // namespace
}  // namespace cohort::rollout_worker
