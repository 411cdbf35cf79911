// SPDX-License-Identifier: Apache-2.0
#include "common/security/constant_time.h"

#include <gtest/gtest.h>

#include <string>

namespace cohort::security {
namespace {

TEST(ConstantTimeTest, EqualBytesAreEqual) {
  EXPECT_TRUE(EqualInConstantTime("", ""));
  EXPECT_TRUE(EqualInConstantTime(std::string("a\0b", 3), std::string("a\0b", 3)));
}

TEST(ConstantTimeTest, ADifferenceAtAnyPlaceCounts) {
  const std::string secret(32, 's');
  for (size_t i = 0; i < secret.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string guess = secret;
      guess[i] = static_cast<char>(guess[i] ^ (1 << bit));
      EXPECT_FALSE(EqualInConstantTime(secret, guess)) << "byte " << i << " bit " << bit;
    }
  }
}

TEST(ConstantTimeTest, APrefixIsNotEqual) {
  EXPECT_FALSE(EqualInConstantTime("secret", "secre"));
  EXPECT_FALSE(EqualInConstantTime("", "s"));
  EXPECT_FALSE(EqualInConstantTime(std::string("a\0b", 3), std::string("a\0c", 3)));
}

}  // namespace
}  // namespace cohort::security
