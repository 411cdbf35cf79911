// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/added_tokens.h"

#include <gtest/gtest.h>

namespace cohort::model {
namespace {

// "<7>" for a token, the text itself for the rest.
std::string Sections(const std::vector<AddedToken>& tokens, std::string_view text) {
  std::vector<AddedTokens::Section> sections;
  AddedTokens(tokens).Split(text, &sections);
  std::string shown;
  for (const AddedTokens::Section& section : sections) {
    shown += section.id >= 0 ? "<" + std::to_string(section.id) + ">" : "[" + std::string(section.text) + "]";
  }
  return shown;
}

TEST(AddedTokensTest, LongestAtTheLeftmostPositionCounts) {
  const std::vector<AddedToken> tokens = {{1, "ab"}, {2, "abcd"}, {3, "bc"}, {4, "cde"}};
  EXPECT_EQ(Sections(tokens, "xabcdex"), "[x]<2>[ex]");
  EXPECT_EQ(Sections(tokens, "abcx"), "<1>[cx]");
  EXPECT_EQ(Sections(tokens, "aabc"), "[a]<1>[c]");
  EXPECT_EQ(Sections(tokens, ""), "");
  EXPECT_EQ(Sections({}, "ab"), "[ab]");
}

TEST(AddedTokensTest, SingleWordIsNotTouchedByLettersMarksDigitsOrConnectors) {
  const std::vector<AddedToken> tokens = {{1, "w", false, false, /*single_word=*/true}};
  for (const char* text : {"aw", "wa", "w1", "w_", "w\xCC\x81", "\xE4\xB8\xADw", "w\xE2\x80\xBF"}) {
    EXPECT_EQ(Sections(tokens, text), "[" + std::string(text) + "]");
  }
  EXPECT_EQ(Sections(tokens, "w"), "<1>");
  EXPECT_EQ(Sections(tokens, "(w)-w w"), "[(]<1>[)-]<1>[ ]<1>");
}

TEST(AddedTokensTest, StrippedSpacesGoWithTheToken) {
  const AddedToken left{1, "L", false, false, false, /*lstrip=*/true};
  const AddedToken right{2, "R", false, false, false, false, /*rstrip=*/true};
  EXPECT_EQ(Sections({left, right}, "a \xC2\xA0\nL b"), "[a]<1>[ b]");
  EXPECT_EQ(Sections({left, right},
                     "a R\t\xE3\x80\x80"
                     "b"),
            "[a ]<2>[b]");
  EXPECT_EQ(Sections({left, right}, "R  L"), "<2><1>");
  EXPECT_EQ(Sections({left, right}, "  L"), "<1>");
}

// To the oracle spaces that were stripped are still text: a token of spaces is found in them.
TEST(AddedTokensTest, TokenWithinStrippedSpacesIsFoundAgain) {
  const AddedToken right{2, "R", false, false, false, false, /*rstrip=*/true};
  EXPECT_EQ(Sections({right, {3, " "}}, "R  x"), "<2><3><3>[x]");
  EXPECT_EQ(Sections({right, {3, "\t"}}, "R \t x"), "<2><3>[ x]");
}

// Of the second token nothing is left once it cannot reach back over the spaces that the first one took.
TEST(AddedTokensTest, StrippingTokenWithinStrippedSpacesIsDropped) {
  const AddedToken both{1, " ", false, false, false, /*lstrip=*/true, /*rstrip=*/true};
  EXPECT_EQ(Sections({both}, "a  b"), "[a]<1>[b]");
  EXPECT_EQ(Sections({both}, "   "), "<1>");
}

// Looking over the whole run again for every token in it would be quadratic.
TEST(AddedTokensTest, TokensInALongRunOfSpacesStripItInLinearTime) {
  std::vector<AddedTokens::Section> sections;
  const AddedToken both{1, " ", false, false, false, /*lstrip=*/true, /*rstrip=*/true};
  AddedTokens({both}).Split(std::string(1'000'000, ' '), &sections);
  EXPECT_EQ(sections.size(), 1u);
  sections.clear();
  const AddedToken right{1, " ", false, false, false, /*lstrip=*/false, /*rstrip=*/true};
  AddedTokens({right}).Split(std::string(1'000'000, ' '), &sections);
  EXPECT_EQ(sections.size(), 1'000'000u);
}

TEST(AddedTokensTest, ManyNearlyMatchingTokensCostNoMoreThanTheirLength) {
  std::vector<AddedToken> tokens;
  for (int32_t id = 0; id < 1000; ++id) tokens.push_back({id, "<|reserved_" + std::to_string(id) + "|>"});
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "<|reserved_";
  EXPECT_EQ(Sections(tokens, text + "7|>"), "[" + text.substr(11) + "]<7>");
}

}  // namespace
}  // namespace cohort::model
