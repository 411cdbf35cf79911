// SPDX-License-Identifier: Apache-2.0
#include "reward/answer_extraction.h"

#include <random>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

std::string Extracted(std::string_view text, std::string_view marker = "") {
  const absl::StatusOr<std::string_view> answer = ExtractAnswer(text, marker);
  return answer.ok() ? std::string(*answer) : "none: " + std::string(answer.status().message());
}

TEST(AnswerExtractionTest, MarkerTakesTheRestOfTheLastLineWithIt) {
  EXPECT_EQ(Extracted("Answer: 1\nAnswer: 2 \nbye 3", "Answer:"), " 2 ");
  EXPECT_EQ(Extracted("3", "Answer:"), "none: no marker \"Answer:\" in the completion");
}

TEST(AnswerExtractionTest, BoxComesBeforeHashesBeforeTheLastNumber) {
  EXPECT_EQ(Extracted("\\boxed{1} then \\boxed{\\frac{1}{2}} #### 3 and 4"), "\\frac{1}{2}");
  EXPECT_EQ(Extracted("#### 2\n#### 3\nand 4"), " 3");
  EXPECT_EQ(Extracted("so 3, no, 4 apples"), "4");
}

TEST(AnswerExtractionTest, UnfinishedBoxIsNoAnswer) {
  EXPECT_EQ(Extracted("\\boxed{1} or \\boxed{\\frac{1}{2}"), "none: the last \\boxed{ has no closing bracket");
}

TEST(AnswerExtractionTest, LastNumberKeepsSignSeparatorsAndFraction) {
  EXPECT_EQ(Extracted("it is 1,234.50."), "1,234.50");
  EXPECT_EQ(Extracted("it costs $12"), "$12");
  EXPECT_EQ(Extracted("x = -5"), "-5");
  EXPECT_EQ(Extracted("x = -$5 in all"), "-$5");
  EXPECT_EQ(Extracted("x = \xe2\x88\x92"
                      "5"),
            "\xe2\x88\x92"
            "5");
  EXPECT_EQ(Extracted("x = \xe2\x80\x93\xe2\x82\xac"
                      "5"),
            "\xe2\x80\x93\xe2\x82\xac"
            "5");
  EXPECT_EQ(Extracted("about 1.5e-3"), "1.5e-3");
  EXPECT_EQ(Extracted("about -2E3."), "-2E3");
  EXPECT_EQ(Extracted("type e3"), "3");
  EXPECT_EQ(Extracted("pages 3\xe2\x80\x93"
                      "5"),
            "5");
  EXPECT_EQ(Extracted("between 3-5"), "5");
  EXPECT_EQ(Extracted("3/4 of it"), "3/4");
  EXPECT_EQ(Extracted("1,2,3"), "3");
  EXPECT_EQ(Extracted("1, 2"), "2");
  EXPECT_EQ(Extracted(".5"), ".5");
  EXPECT_EQ(Extracted("no digits"), "none: no number in the completion");
  EXPECT_EQ(Extracted(""), "none: no number in the completion");
}

TEST(AnswerExtractionTest, LastLineSkipsBlankLines) {
  EXPECT_EQ(LastLine("a\n  1 + 2 \n \n\n").value(), "1 + 2");
  EXPECT_EQ(LastLine("one").value(), "one");
  EXPECT_TRUE(absl::IsNotFound(LastLine(" \n ").status()));
}

TEST(AnswerExtractionTest, HugeHostileTextsTakeLinearTime) {
  constexpr size_t kSize = 1 << 20;
  for (const std::string pattern : {"\\boxed{", "1,", "111,", "####", "1/", "1.", "{", "}", "\n", "$", "-"}) {
    std::string text;
    while (text.size() < kSize) text += pattern;
    ExtractAnswer(text, "").IgnoreError();
    ExtractAnswer(text, pattern).IgnoreError();
    LastNumber(text).IgnoreError();
    LastLine(text).IgnoreError();
  }
}

TEST(AnswerExtractionTest, RandomBytesNeverCrash) {
  std::mt19937 random(5);
  constexpr char kAlphabet[] = "01,./-$#{}\\boxed \n\xe2\x88\x92\0";
  const std::string alphabet(kAlphabet, sizeof(kAlphabet) - 1);
  for (int i = 0; i < 100000; ++i) {
    std::string text;
    for (size_t size = random() % 32; text.size() < size;) text.push_back(alphabet[random() % alphabet.size()]);
    const absl::StatusOr<std::string_view> answer = ExtractAnswer(text, i % 3 == 0 ? "1" : "");
    EXPECT_LE(answer.ok() ? answer->size() : 0, text.size());
  }
}

}  // namespace
}  // namespace cohort::reward
