// SPDX-License-Identifier: Apache-2.0
#include "common/utf8.h"

#include <gtest/gtest.h>

namespace cohort::common {
namespace {

TEST(Utf8Test, AcceptsEveryLengthOfCharacter) { EXPECT_TRUE(IsValidUtf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80")); }

TEST(Utf8Test, RefusesBrokenForms) {
  for (const std::string_view bytes : {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                       "\xF8\x88\x80\x80\x80", "\xE2\x82", "\xFF"}) {
    EXPECT_FALSE(IsValidUtf8(bytes)) << Printable(bytes, 100);
  }
}

TEST(Utf8Test, AcceptsTheEdgesOfTheRanges) {
  for (const std::string_view bytes : {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                       "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsValidUtf8(bytes)) << Printable(bytes, 100);
  }
}

TEST(PrintableTest, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(Printable("\xC3\xA9t\xC3\xA9\t\xFF\x7F", 100), "\xC3\xA9t\xC3\xA9\\x09\\xff\\x7f");
}

TEST(PrintableTest, EscapesControlsThatTerminalsObey) {
  EXPECT_EQ(Printable("a\xC2\x9B"
                      "31m\xC2\xA0\xE2\x80\x9B",
                      100),
            "a\\xc2\\x9b"
            "31m\xC2\xA0\xE2\x80\x9B");
}

TEST(PrintableTest, CutsBetweenCharacters) {
  EXPECT_EQ(Printable("ab\xE2\x82\xAC", 4), "ab...");
  EXPECT_EQ(Printable("ab\xE2\x82\xAC", 5), "ab\xE2\x82\xAC");
}

TEST(Utf8Test, CharactersAreReadAsTheyAreWritten) {
  for (const uint32_t point :
       {0u, 0x41u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string text = "x";
    AppendUtf8(point, &text);
    EXPECT_TRUE(IsValidUtf8(text)) << point;
    for (const Utf8Character& read : {Utf8CharacterAt(text, 1), BoundedUtf8CharacterAt(text, 1)}) {
      EXPECT_EQ(read.code_point, point);
      EXPECT_EQ(read.size, text.size() - 1) << point;
    }
  }
}

TEST(Utf8Test, BoundedReadingStaysWithinATextThatIsCut) {
  const std::string text = "\xF0\x9F\x98\x9F";
  for (size_t size = 0; size <= text.size(); ++size) {
    // Behind a view of a part stands the rest: it must not be read.
    const Utf8Character read = BoundedUtf8CharacterAt(std::string_view(text).substr(0, size), 0);
    EXPECT_EQ(read.size, size);
    EXPECT_EQ(read.code_point == 0x1F61F, size == text.size()) << size;
  }
  EXPECT_EQ(BoundedUtf8CharacterAt("a", 1).size, 0u) << "at the end";
}

}  // namespace
}  // namespace cohort::common
