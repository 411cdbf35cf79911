// SPDX-License-Identifier: Apache-2.0
#include "reward/number_parser.h"

#include <random>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

std::string Parsed(std::string_view text) {
  const absl::StatusOr<Rational> value = ParseNumber(text);
  return value.ok() ? value->ToString() : std::string(absl::StatusCodeToString(value.status().code()));
}

TEST(NumberParserTest, ReadsTheNumbersOfRealDataSets) {
  EXPECT_EQ(Parsed("72"), "72");
  EXPECT_EQ(Parsed(" 1,080"), "1080");
  EXPECT_EQ(Parsed("109,200,000"), "109200000");
  EXPECT_EQ(Parsed("-7"), "-7");
  EXPECT_EQ(Parsed("\xe2\x88\x92"
                   "7"),
            "-7");
  EXPECT_EQ(Parsed("3.50"), "7/2");
  EXPECT_EQ(Parsed(".5"), "1/2");
  EXPECT_EQ(Parsed("72."), "72");
  EXPECT_EQ(Parsed("3/4"), "3/4");
  EXPECT_EQ(Parsed("-3 / 4"), "-3/4");
  EXPECT_EQ(Parsed("\\frac{3}{4}"), "3/4");
  EXPECT_EQ(Parsed("-\\dfrac{ 3 }{4}"), "-3/4");
  EXPECT_EQ(Parsed("1.5e3"), "1500");
  EXPECT_EQ(Parsed("2E-2"), "1/50");
  EXPECT_EQ(Parsed("= 5"), "5");
  EXPECT_EQ(Parsed("\\frac{-3}{4}"), "-3/4");
  EXPECT_EQ(Parsed("-\\frac{3}{ -4 }"), "3/4");
  EXPECT_EQ(Parsed("\\frac34"), "3/4");
  EXPECT_EQ(Parsed("\\dfrac 3{40}"), "3/40");
  EXPECT_EQ(Parsed("12\\,345\\,678"), "12345678");
  EXPECT_EQ(Parsed("007"), "7");
}

TEST(NumberParserTest, UnitsAndCurrenciesAreIgnored) {
  EXPECT_EQ(Parsed("$18"), "18");
  EXPECT_EQ(Parsed("-$18"), "-18");
  EXPECT_EQ(Parsed("$-18"), "-18");
  EXPECT_EQ(Parsed("$1,234.50."), "2469/2");
  EXPECT_EQ(Parsed("18%"), "18");
  EXPECT_EQ(Parsed("18\\%"), "18");
  EXPECT_EQ(Parsed("18 dollars"), "18");
  EXPECT_EQ(Parsed("60 km/h"), "60");
  EXPECT_EQ(Parsed("12 Stra\xc3\x9f"
                   "en"),
            "12");
  EXPECT_EQ(Parsed("18\\text{ eggs}"), "18");
}

TEST(NumberParserTest, WhatIsNotExactlyOneNumberIsMalformed) {
  for (const char* text : {"",          "abc",   "18 or 19",    "1,23",      "1,2,3",         "1234,567",
                           "3+4",       "1 1/2", "--5",         "5-",        "1.2.3",         "$",
                           "3/",        "3/x",   "12 (twelve)", "x = 5",     "\\frac{1}",     "\\frac{1}{2",
                           ".",         "1\\,2", "1\\,2345",    "1\\left2",  "\\frac123",     "5 or six",
                           "5 million", "5k",    "5\xc2\xbd",   "5\xc2\xb2", "5\xef\xbc\x91", "\xef\xbc\x95"}) {
    EXPECT_EQ(Parsed(text), "INVALID_ARGUMENT") << text;
  }
  EXPECT_EQ(Parsed("3/0"), "INVALID_ARGUMENT");
  EXPECT_EQ(Parsed("18 " + std::string(65, 'x')), "INVALID_ARGUMENT");
}

TEST(NumberParserTest, DigitsAndExponentsAreBounded) {
  EXPECT_EQ(Parsed(std::string(300, '9')), std::string(300, '9'));
  EXPECT_EQ(Parsed(std::string(301, '9')), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(Parsed("1e300").size(), 301u);
  EXPECT_EQ(Parsed("1e301"), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(Parsed("1e99999999999999999999"), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(Parsed(std::string(100000, '9')), "RESOURCE_EXHAUSTED");
}

TEST(NumberParserTest, AnErrorShowsTheText) {
  EXPECT_EQ(ParseNumber("about 12").status().message(), "answer \"about 12\": is not a number");
}

TEST(NumberParserTest, RandomBytesNeverCrash) {
  std::mt19937 random(4);
  constexpr char kAlphabet[] = "0123456789,.eE+-/$% =\\frac{}()\xe2\x88\x92\0\xff\n";
  const std::string alphabet(kAlphabet, sizeof(kAlphabet) - 1);
  int num_parsed = 0;
  for (int i = 0; i < 100000; ++i) {
    std::string text;
    for (size_t size = random() % 24; text.size() < size;) {
      text.push_back(i % 2 == 0 ? alphabet[random() % alphabet.size()] : static_cast<char>(random()));
    }
    if (ParseNumber(text).ok()) ++num_parsed;
  }
  EXPECT_GT(num_parsed, 100);
}

}  // namespace
}  // namespace cohort::reward
