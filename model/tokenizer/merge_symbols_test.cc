// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/merge_symbols.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace cohort::model {
namespace {

// Tokens 0 to 3 are bytes; each later token is the merge of two random ones before it.
MergeTable RandomMerges(std::mt19937* random, int num_merges) {
  MergeTable merges(num_merges);
  for (int rank = 0; rank < num_merges; ++rank) {
    const int32_t num_tokens = 4 + rank;
    const auto left = static_cast<int32_t>((*random)() % num_tokens);
    const auto right = static_cast<int32_t>((*random)() % num_tokens);
    merges.Insert(left, right, {rank, num_tokens});
  }
  return merges;
}

// By the book: find the best pair, merge it, start again.
std::vector<int32_t> MergeByTheBook(const MergeTable& merges, std::vector<int32_t> symbols) {
  while (true) {
    size_t best = symbols.size();
    MergeTable::Merge best_merge{};
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const MergeTable::Merge* merge = merges.Find(symbols[i], symbols[i + 1]);
      if (merge == nullptr || (best < symbols.size() && merge->rank >= best_merge.rank)) continue;
      best = i;
      best_merge = *merge;
    }
    if (best == symbols.size()) return symbols;
    symbols[best] = best_merge.id;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(MergeSymbolsTest, GivesWhatTheBookGivesAtEveryLength) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const MergeTable merges = RandomMerges(&random, 1 + trial % 40);
    for (size_t length : {0, 1, 2, 3, 7, 20, 47, 48, 49, 50, 120}) {
      std::vector<int32_t> symbols(length);
      for (int32_t& symbol : symbols) symbol = static_cast<int32_t>(random() % 4);
      const std::vector<int32_t> expected = MergeByTheBook(merges, symbols);
      MergeSymbols(merges, &symbols);
      ASSERT_EQ(symbols, expected) << "trial " << trial << ", length " << length;
    }
  }
}

int64_t Work(const MergeTable& merges, size_t length, bool is_random) {
  std::mt19937 random(5);
  std::vector<int32_t> symbols(length);
  for (int32_t& symbol : symbols) symbol = is_random ? static_cast<int32_t>(random() % 4) : 0;
  return MergeSymbols(merges, &symbols);
}

// A word of a megabyte must not stall its caller. Quadratic work would grow 256-fold here.
TEST(MergeSymbolsTest, WorkGrowsAsNLogN) {
  constexpr size_t kSmall = 1 << 16;
  constexpr size_t kLarge = 1 << 20;
  MergeTable doubling(20);  // aa, aaaa, ...
  for (int32_t rank = 0; rank < 20; ++rank)
    doubling.Insert(rank == 0 ? 0 : 3 + rank, rank == 0 ? 0 : 3 + rank, {rank, 4 + rank});
  std::mt19937 random(4);
  MergeTable mixed = RandomMerges(&random, 300);
  for (MergeTable* merges : {&doubling, &mixed}) {
    for (const bool is_random : {false, true}) {
      const auto small = static_cast<double>(Work(*merges, kSmall, is_random));
      const auto large = static_cast<double>(Work(*merges, kLarge, is_random));
      const double bound = 16.0 * std::log2(kLarge) / std::log2(kSmall);
      EXPECT_LE(large / small, bound * 1.05) << small << " and " << large;
      EXPECT_LE(large, 4.0 * static_cast<double>(kLarge) * std::log2(kLarge));
      EXPECT_GE(large, static_cast<double>(kLarge)) << "every symbol is looked at";
    }
  }
}

TEST(MergeTableTest, RefusesAPairThatIsThere) {
  MergeTable merges(2);
  EXPECT_TRUE(merges.Insert(1, 2, {0, 3}));
  EXPECT_FALSE(merges.Insert(1, 2, {1, 4}));
  EXPECT_TRUE(merges.Insert(2, 1, {1, 4}));
  EXPECT_EQ(merges.Find(1, 2)->id, 3);
  EXPECT_EQ(merges.Find(2, 1)->rank, 1);
  EXPECT_EQ(merges.Find(2, 2), nullptr);
}

TEST(MergeTableTest, WithoutMergesFindsNothing) { EXPECT_EQ(MergeTable(0).Find(0, 0), nullptr); }

}  // namespace
}  // namespace cohort::model
