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

}  // namespace
}  // namespace cohort::common
