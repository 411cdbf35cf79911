// SPDX-License-Identifier: Apache-2.0
#include "reward/math_text.h"

#include <random>
#include <string>

#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

TEST(MathTextTest, SpellingsBecomeAscii) {
  EXPECT_EQ(NormalizeMathText("\xe2\x88\x92"
                              "5"),
            "-5");
  EXPECT_EQ(NormalizeMathText("3 \xc3\x97 4 \xc3\xb7 2"), "3 * 4 / 2");
  EXPECT_EQ(NormalizeMathText("\\left(3 \\cdot 4\\right) \\times 2"), "(3 * 4 ) * 2");
  EXPECT_EQ(NormalizeMathText("\\dfrac{1}{2}"), "\\frac{1}{2}");
  EXPECT_EQ(NormalizeMathText("1{,}234\\%"), "1,234%");
  EXPECT_EQ(NormalizeMathText("\xe2\x82\xac"
                              "12"),
            "$12");
}

TEST(MathTextTest, WrappingsAndTheFinalStopGo) {
  EXPECT_EQ(NormalizeMathText("  $18$ "), "18");
  EXPECT_EQ(NormalizeMathText("\\(18\\)"), "18");
  EXPECT_EQ(NormalizeMathText("72."), "72");
  EXPECT_EQ(NormalizeMathText("**72**."), "72");
  EXPECT_EQ(NormalizeMathText("$$ 72 $$"), "72");
  EXPECT_EQ(NormalizeMathText("72 *"), "72 *");
  EXPECT_EQ(NormalizeMathText("18\\text{ dollars}"), "18  dollars");
  EXPECT_EQ(NormalizeMathText(" \n"), "");
  EXPECT_EQ(NormalizeMathText("$18"), "$18");
}

TEST(MathTextTest, AnyBytesAreFine) {
  constexpr char kAlphabet[] = "\\{}$.\xe2\x88\x92\xc3\x97 text1\0";
  std::mt19937 random(3);
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (size_t size = random() % 40; text.size() < size;)
      text.push_back(kAlphabet[random() % (sizeof(kAlphabet) - 1)]);
    EXPECT_LE(NormalizeMathText(text).size(), text.size() + 8 * 40);
  }
  EXPECT_EQ(NormalizeMathText("\\text{open"), "\\text{open");
}

}  // namespace
}  // namespace cohort::reward
