// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/nfc.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <vector>

#include "model/tokenizer/unicode_classes.h"

namespace cohort::model {
namespace {

std::string Nfc(const std::string& text) {
  std::string storage;
  return std::string(ToNfc(text, &storage).value());
}

std::string Utf8(utf8proc_int32_t code_point) {
  utf8proc_uint8_t bytes[4];
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(utf8proc_encode_char(code_point, bytes))};
}

TEST(NfcTest, ComposesAndOrdersMarks) {
  EXPECT_EQ(Nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(Nfc("a\u0308\u0323"), "\u1ea1\u0308");
  EXPECT_EQ(Nfc("\u212b"), "\u00c5");              // singleton
  EXPECT_EQ(Nfc("\u0915\u093c"), "\u0915\u093c");  // composition exclusion
  EXPECT_EQ(Nfc("\u1100\u1161\u11a8"), "\uac01");  // Hangul
  EXPECT_EQ(Nfc("\u05b0\u05bc\u0301"), "\u05b0\u05bc\u0301");
  EXPECT_EQ(Nfc("x\0e\u0301"), std::string("x"));  // ends at the NUL of the literal
  EXPECT_EQ(Nfc(std::string("x\0e\u0301", 5)), std::string("x\0\u00e9", 4));
}

TEST(NfcTest, TextThatCannotChangeIsReturnedItself) {
  for (const std::string text : {"", "plain", "caf\u00e9 \u0440\u0443\u0441 \u4e2d\u6587 \ud55c\uad6d"}) {
    std::string storage;
    EXPECT_EQ(ToNfc(text, &storage).value().data(), text.data());
  }
}

// The library's quadratic sort would take minutes here.
TEST(NfcTest, LongRunOfMarksIsOrdered) {
  std::string text = "a", below, above;
  for (int i = 0; i < 300'000; ++i) {
    text += "\u0301\u0323";
    if (i > 0) below += "\u0323";
    above += "\u0301";
  }
  EXPECT_EQ(Nfc(text), "\u1ea1" + below + above);
}

TEST(NfcTest, MarksThatAreNewerThanTheOracleStay) {
  EXPECT_EQ(Nfc("\u0301\u1abf"), "\u0301\u1abf");
  EXPECT_EQ(Nfc("a\u1abf\u0301e\u0301"), "a\u1abf\u0301\u00e9");
}

// Whole Unicode against the library: what it says of single characters, and that no character which is passed over
// quickly composes with one before it.
TEST(NfcTest, AgreesWithTheLibraryOnEveryCharacter) {
  const uint8_t* bits = UnicodeClassTable();
  for (utf8proc_int32_t code_point = 1; code_point < 0x110000; ++code_point) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    if ((bits[code_point] & kNewerMark) != 0) continue;
    const std::string text = "e" + Utf8(code_point) + "\u0301";
    auto* expected = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
    ASSERT_EQ(Nfc(text), reinterpret_cast<const char*>(expected)) << std::hex << code_point;
    free(expected);
    std::string storage;
    const std::string alone = Utf8(code_point);
    if (ToNfc(alone, &storage).value().data() != alone.data()) continue;
    const utf8proc_property_t* property = utf8proc_get_property(code_point);
    EXPECT_EQ(property->combining_class, 0) << std::hex << code_point;
  }
}

TEST(NfcTest, NoSecondHalfOfACompositionIsPassedOver) {
  for (utf8proc_int32_t code_point = 1; code_point < 0x110000; ++code_point) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    const std::string text = Utf8(code_point);
    auto* parts = utf8proc_NFD(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
    std::string decomposed = reinterpret_cast<const char*>(parts);
    free(parts);
    utf8proc_int32_t first;
    const auto size = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(decomposed.data()),
                                       static_cast<utf8proc_ssize_t>(decomposed.size()), &first);
    decomposed.erase(0, static_cast<size_t>(size));
    if (decomposed.empty()) continue;
    std::string storage;
    EXPECT_NE(ToNfc(decomposed, &storage).value().data(), decomposed.data()) << std::hex << code_point;
  }
}

}  // namespace
}  // namespace cohort::model
