// SPDX-License-Identifier: Apache-2.0
#include "reward/unit_text.h"

#include <random>
#include <string>

#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

TEST(UnitTextTest, UnitsLeaveANumberAlone) {
  for (const char* text : {"",
                           "%",
                           "dollars",
                           "km/h",
                           "m",
                           "g",
                           "km",
                           "% of it",
                           "$",
                           "pounds and ounces",
                           "a.m.",
                           "quarters",
                           "times",
                           "apples a day",
                           "m\xc2\xb2",
                           "\xc2\xb0",
                           "\xc2\xb0"
                           "C",
                           "\xc2\xa2",
                           "Stra\xc3\x9f"
                           "en",
                           "\xd1\x80\xd1\x83\xd0\xb1\xd0\xbb\xd0\xb5\xd0\xb9",
                           "\xce\xbcm"}) {
    EXPECT_TRUE(IsUnit(text)) << text;
  }
}

TEST(UnitTextTest, WhatChangesTheNumberIsNoUnit) {
  for (const char* text : {"5",
                           "km2",
                           "or six",
                           "or more",
                           "and a half",
                           "Million",
                           "million dollars",
                           "plus two",
                           "squared",
                           "thirds",
                           "pi",
                           "x",
                           "k",
                           "M",
                           "i",
                           "e",
                           "!",
                           "(a)",
                           "- a",
                           "/h",
                           ".",
                           ",",
                           "is not it",
                           "\xc2\xb2",      // superscript two
                           "\xc2\xbd",      // one half
                           "\xd9\xa3",      // an Arabic three
                           "\xef\xbc\x91",  // a full-width one
                           "\xcf\x80",      // pi
                           "\xe2\x88\x9a",  // square root
                           "\xe4\xb8\x87",  // ten thousand
                           "\xc3\x97 ten",
                           "\xff",
                           "m\xc2",
                           "m\xe2\x88\x9e"}) {
    EXPECT_FALSE(IsUnit(text)) << text;
  }
  EXPECT_FALSE(IsUnit(std::string_view("\0", 1)));
  EXPECT_FALSE(IsUnit(std::string_view("m\0", 2)));
  EXPECT_TRUE(IsUnit(std::string(64, 'a')));
  EXPECT_FALSE(IsUnit(std::string(65, 'a')));
  EXPECT_FALSE(IsUnit(std::string(10 << 20, 'a')));
}

TEST(UnitTextTest, RandomBytesNeverHideADigit) {
  std::mt19937 random(9);
  for (int i = 0; i < 100000; ++i) {
    std::string text;
    for (size_t size = random() % 12; text.size() < size;) text.push_back(static_cast<char>(random()));
    const bool has_digit = text.find_first_of("0123456789") != std::string::npos;
    EXPECT_FALSE(has_digit && IsUnit(text)) << text;
  }
}

}  // namespace
}  // namespace cohort::reward
