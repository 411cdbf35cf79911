// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template/unicode.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/utf8.h"

namespace cohort::model::chat_template {
namespace {

TEST(UnicodeTest, CharactersAreReadAndWritten) {
  const std::string text = "aé漢😀";
  std::string copy;
  for (size_t at = 0; at < text.size();) common::AppendUtf8(NextCharacter(text, &at), &copy);
  EXPECT_EQ(copy, text);
  EXPECT_EQ(NumCharacters(text), 4);
  EXPECT_EQ(Characters(text), (std::vector<std::string_view>{"a", "é", "漢", "😀"}));
}

TEST(UnicodeTest, CaseMappingsAreThoseOfPython) {
  EXPECT_EQ(Upper("straße ǆ ŉ ÿ"), "STRASSE Ǆ ʼN Ÿ");
  EXPECT_EQ(Lower("ÀÉ İ ǅ Ⴀ"), "àé i̇ ǆ ⴀ");
  EXPECT_EQ(Title("ǆa ßb ﬁx o'neil"), "ǅa Ssb Fix O'Neil");
  EXPECT_EQ(Capitalize("ﬁRST"), "First");
  EXPECT_EQ(Lower("ΟΔΥΣΣΕΥΣ Σ ΑΣΑ"), "οδυσσευς σ ασα") << "a sigma at the end of a word has its own form";
}

TEST(UnicodeTest, OnlyOneCaseNeedsCasedLetters) {
  EXPECT_TRUE(HasOneCase("ÀB1", /*is_upper=*/true));
  EXPECT_FALSE(HasOneCase("Àb", /*is_upper=*/true));
  EXPECT_FALSE(HasOneCase("12", /*is_upper=*/false));
  EXPECT_FALSE(HasOneCase("漢", /*is_upper=*/false));
}

TEST(UnicodeTest, StripKnowsTheSpacesOfUnicode) {
  EXPECT_EQ(Strip("\u3000\u00a0a\u2028 \x1c", StripSide::kBoth), "a");
  EXPECT_EQ(Strip(" a ", StripSide::kLeft), "a ");
  EXPECT_EQ(StripCharacters("漢a漢", "漢字", StripSide::kRight), "漢a");
  EXPECT_EQ(Strip("\u200b", StripSide::kBoth), "\u200b") << "a zero width space is none";
}

TEST(UnicodeTest, LinesEndAsInPython) {
  EXPECT_EQ(SplitLines("a\r\nb\x0b\u0085c\n", /*keep_ends=*/false), (std::vector<std::string_view>{"a", "b", "", "c"}));
  EXPECT_EQ(SplitLines("a\r\nb", /*keep_ends=*/true), (std::vector<std::string_view>{"a\r\n", "b"}));
  EXPECT_TRUE(SplitLines("", /*keep_ends=*/false).empty());
}

TEST(UnicodeTest, WhatReprEscapesIsNotPrintable) {
  for (const uint32_t c : {0x00, 0x7F, 0xA0, 0xAD, 0x200B, 0x2028, 0xE000, 0xE0001}) EXPECT_FALSE(IsPrintable(c)) << c;
  for (const uint32_t c : {0x20, 0x41, 0xE9, 0x6F22, 0x1F600}) EXPECT_TRUE(IsPrintable(c)) << c;
}

}  // namespace
}  // namespace cohort::model::chat_template
