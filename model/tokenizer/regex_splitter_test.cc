// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/regex_splitter.h"

#include <gtest/gtest.h>

namespace cohort::model {
namespace {

using Pieces = std::vector<std::string_view>;

Pieces Split(const std::string& pattern, std::string_view text) {
  const auto regex = RegexSplitter::Create(pattern);
  Pieces pieces;
  EXPECT_TRUE(regex.ok()) << regex.status();
  if (regex.ok()) {
    EXPECT_TRUE((*regex)->Split(text, &pieces).ok());
  }
  return pieces;
}

TEST(RegexSplitterTest, MatchesAndGapsArePieces) {
  EXPECT_EQ(Split("b+", "abba"), (Pieces{"a", "bb", "a"}));
  EXPECT_EQ(Split("b+", "aa"), Pieces{"aa"});
  EXPECT_EQ(Split("b+", ""), Pieces{});
}

TEST(RegexSplitterTest, MatchOfNothingCuts) {
  EXPECT_EQ(Split("(?=\\p{N})", "ab12c"), (Pieces{"ab", "1", "2c"}));
  EXPECT_EQ(Split("x*", "aaxb"), (Pieces{"a", "a", "x", "b"}));
  EXPECT_EQ(Split("(?=\\p{L})|$", "\u00e9\U0001f600q"), (Pieces{"\u00e9\U0001f600", "q"}));
}

TEST(RegexSplitterTest, AnchorsAreThoseOfALine) {
  EXPECT_EQ(Split("\\s+$", "a  \nb  "), (Pieces{"a", "  ", "\nb", "  "}));
  EXPECT_EQ(Split("^a", "a\na"), (Pieces{"a", "\n", "a"}));
}

TEST(RegexSplitterTest, PatternThatMeansSomethingElseToOnigurumaIsRefused) {
  EXPECT_EQ(RegexSplitter::Create("\\p{N}{1,3}+").status().code(), absl::StatusCode::kUnimplemented);
}

// The engine of the oracle does not count it as a space either.
TEST(RegexSplitterTest, MongolianVowelSeparatorIsNoSpace) {
  EXPECT_EQ(Split("\\s", "a\u180eb").size(), 1u);
  EXPECT_EQ(Split("\\s", "a\u2003b").size(), 3u);
}

// Machine code gets a stack of limited size; what needs more is matched by the interpreter.
TEST(RegexSplitterTest, DeepMatchFallsBackToTheInterpreter) {
  std::string text(200'000, 'a');
  text += 'c';
  EXPECT_EQ(Split("(?:(a)|(b))+c", text), Pieces{text});
}

}  // namespace
}  // namespace cohort::model
