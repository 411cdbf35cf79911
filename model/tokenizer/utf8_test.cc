// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/utf8.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace cohort::model {
namespace {

const std::string kReplacement = "\xEF\xBF\xBD";

// What Rust's from_utf8_lossy gives: one U+FFFD per maximal subpart (Unicode 15, section 3.9, tables 3-8 to 3-11).
TEST(ReplaceInvalidUtf8Test, EveryMaximalSubpartBecomesOneReplacement) {
  const std::vector<std::pair<std::string, int>> sequences = {
      {"\x80", 1},         {"\xC3", 1},         {"\xC0\xAF", 2},     {"\xE0\xA0", 1},         {"\xE0\x80\xBF", 3},
      {"\xED\xA0\x80", 3}, {"\xED\x9F", 1},     {"\xE4\xB8", 1},     {"\xF0\x9F\x98", 1},     {"\xF0\x9F", 1},
      {"\xF0\x80\x80", 3}, {"\xF4\x8F\xBF", 1}, {"\xF4\x90\x80", 3}, {"\xF5\x80\x80\x80", 4}, {"\xFF", 1},
      {"\xE1\x80\xE2", 2},
  };
  for (const auto& [bytes, replacements] : sequences) {
    std::string expected;
    for (int i = 0; i < replacements; ++i) expected += kReplacement;
    EXPECT_EQ(ReplaceInvalidUtf8(bytes), expected) << testing::PrintToString(bytes);
    EXPECT_EQ(ReplaceInvalidUtf8("a" + bytes + "b"), "a" + expected + "b") << testing::PrintToString(bytes);
    EXPECT_EQ(FindInvalidUtf8("\xC3\xA9" + bytes), 2u) << testing::PrintToString(bytes);
  }
}

TEST(ReplaceInvalidUtf8Test, ValidTextStays) {
  const std::string text = "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF";
  EXPECT_EQ(ReplaceInvalidUtf8(text), text);
  EXPECT_EQ(FindInvalidUtf8(text), text.size());
}

TEST(UnfinishedUtf8LengthTest, CountsOnlyBytesThatCouldStillBecomeACharacter) {
  const std::vector<std::pair<std::string, size_t>> ends = {
      {"", 0},
      {"a", 0},
      {"\xC3\xA9", 0},
      {"\xC3", 1},
      {"\xE4\xB8", 2},
      {"\xF0\x9F\x98", 3},
      {"\xF0\x9F", 2},
      {"\x80", 0},
      {"\xFF", 0},
      {"\xC0", 0},
      {"\xE0\x80", 0},
      {"\xED\xA0", 0},
      {"\xF4\x90", 0},
      {"\xE1\x80\xE2", 1},
      {"\xC3\xC3", 1},
      {"\x80\x80\x80", 0},
      {"\xF0\x9F\x98\x80", 0},
  };
  for (const auto& [bytes, length] : ends) {
    EXPECT_EQ(UnfinishedUtf8Length(bytes), length) << testing::PrintToString(bytes);
    EXPECT_EQ(UnfinishedUtf8Length("a" + bytes), length) << testing::PrintToString(bytes);
  }
}

}  // namespace
}  // namespace cohort::model
