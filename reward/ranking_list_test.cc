// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_list.h"

#include <gmock/gmock.h>

#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

using ::testing::ElementsAre;

// "title|year" of each item.
std::vector<std::string> Items(std::string_view completion) {
  std::vector<std::string> items;
  for (const RankedItem& item : ParseRankingList(completion)) {
    items.push_back(item.title + "|" + std::to_string(item.year));
  }
  return items;
}

TEST(RankingListTest, ItemsAreTheLinesThatNameOneInOrder) {
  EXPECT_THAT(
      Items("Sure, here they are:\n\n1. **Heat** (1995)\r\n2. \"Up (2009)\"\n\n- Alien (1979) - a classic (really)\n"
            "That is all.\n"),
      ElementsAre("heat|1995", "up|2009", "alien|1979"));
  EXPECT_THAT(Items(""), ElementsAre());
}

TEST(RankingListTest, YearIsTheFirstFourDigitsInBracketsAfterABlank) {
  EXPECT_THAT(Items("Blade Runner 2049 (2017)\nThe Thing (remake) (2011)\nHeat (1995) (1996)"),
              ElementsAre("blade runner 2049|2017", "the thing|2011", "heat|1995"));
  for (const char* line : {"Heat", "Heat(1995)", "Heat (95)", "Heat (19955)", "Heat (199x)", "(1995)", " (1995) Heat",
                           "- (1995)", "Heat (1995", "Heat 1995", "Heat (\xd9\xa1\xd9\xa9\xd9\xa9\xd9\xa5)"}) {
    EXPECT_FALSE(ParseRankingLine(line).has_value()) << line;
  }
}

TEST(RankingListTest, RenderedLineNamesTheItem) {
  EXPECT_EQ(RankingLine("Heat", 1995), "Heat (1995)");
  EXPECT_THAT(Items(RankingLine("Year of the typo", 201)), ElementsAre("year of the typo|201"));
}

TEST(RankingListTest, HostileListsTakeLinearTime) {
  std::string years, lines;
  for (int i = 0; i < 1 << 17; ++i) {
    years += " (199x)";
    lines += "a (2000)\n";
  }
  EXPECT_THAT(Items(years), ElementsAre());
  EXPECT_EQ(ParseRankingList(lines).size(), size_t{1} << 17);
  EXPECT_THAT(Items(std::string(1 << 20, '\n')), ElementsAre());
}

}  // namespace
}  // namespace cohort::reward
