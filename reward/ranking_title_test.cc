// SPDX-License-Identifier: Apache-2.0
#include "reward/ranking_title.h"

#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

TEST(RankingTitleTest, SpacesOfUnicodeCollapse) {
  EXPECT_EQ(CollapseSpaces("  The\t\tThird \r\n\u00a0\u3000Man\u2009"), "The Third Man");
  EXPECT_EQ(CollapseSpaces(" \t "), "");
  EXPECT_EQ(CollapseSpaces("a\xff\xc3 b"), "a\xff\xc3 b") << "broken UTF-8 stays";
}

TEST(RankingTitleTest, DecorationGoesInAnyNesting) {
  for (const char* line : {"Heat", "1. Heat", "12) Heat", "3 - Heat", "3\u3001 Heat", "4 \u2014 Heat", "- Heat",
                           "* **Heat**", "### 1. _\"Heat\"_", "\u2022 'Heat'", "\u201cHeat\u201d", "-- 7. - Heat --"}) {
    EXPECT_EQ(StripDecoration(line), "Heat") << line;
  }
}

TEST(RankingTitleTest, WhatBelongsToATitleStays) {
  for (const char* title : {"12 Monkeys", "2.0", "10,000 BC", "'71", "M*A*S*H", "Spider-Man", "1917", "Rock 'n' Roll",
                            "1.Heat", "24: Redemption"}) {
    EXPECT_EQ(StripDecoration(title), title);
  }
}

TEST(RankingTitleTest, NormalisedTitlesAgreeOnSpacesCaseAndBrackets) {
  EXPECT_EQ(NormalizeTitle("  THE  Third (Remastered (4K)) Man "), "the third man");
  EXPECT_EQ(NormalizeTitle("Alien) 3 (cut"), "alien) 3 (cut") << "brackets without partner stay";
  EXPECT_EQ(NormalizeTitle("\u00c9T\u00c9 STRA\u00dfE"), "\u00e9t\u00e9 strasse");
  EXPECT_EQ(NormalizeTitle("\u0106ma \u0178 \u0141\u00f3d\u017a \u1ea0"), "\u0107ma \u00ff \u0142\u00f3d\u017a \u1ea1");
  EXPECT_EQ(NormalizeTitle("\u039f\u0394\u039f\u03a3 \u038f"), NormalizeTitle("\u03bf\u03b4\u03bf\u03c2 \u03ce"));
  EXPECT_EQ(NormalizeTitle("\u0421\u0422\u0410\u041b\u041a\u0415\u0420 \u0401"),
            "\u0441\u0442\u0430\u043b\u043a\u0435\u0440 \u0451");
  EXPECT_EQ(NormalizeTitle("#Alive"), "alive");
  EXPECT_EQ(NormalizeTitle("***"), "***") << "nothing but decoration keeps it";
  EXPECT_EQ(NormalizeTitle("(500)"), "(500)");
  EXPECT_EQ(NormalizeTitle("\U0001f600 X\xff"), "\U0001f600 x\xff");
}

TEST(RankingTitleTest, NormalisingTwiceChangesNothing) {
  for (const char* title :
       {"1. \"2. 'X'\"", "( (a) ) b", "**1) _A_**", "Stra\u00dfe", "\"'\u201c*\u201d'\"", ") ( ) ("}) {
    const std::string once = NormalizeTitle(title);
    EXPECT_EQ(NormalizeTitle(once), once) << title;
  }
}

TEST(RankingTitleTest, HostileTextTakesLinearTime) {
  constexpr size_t kSize = 1 << 20;
  std::string nested, behind_digits(kSize / 2, '1');
  for (size_t i = 0; i < kSize / 4; ++i) {
    nested += "* \"";
    behind_digits += " *";
  }
  for (const std::string& text :
       {std::string(kSize, '('), std::string(kSize / 2, '(') + std::string(kSize / 2, ')'), std::string(kSize, '"'),
        std::string(kSize, '1'), std::string(kSize, ' '), std::string(kSize, '\xff'), nested, behind_digits}) {
    EXPECT_LE(NormalizeTitle(text).size(), text.size());
    EXPECT_LE(StripDecoration(text).size(), text.size());
  }
}

}  // namespace
}  // namespace cohort::reward
