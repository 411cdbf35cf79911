// SPDX-License-Identifier: Apache-2.0
#include "reward/expression.h"

#include <random>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

std::string Evaluated(std::string_view text, ExpressionTrace* trace = nullptr) {
  const absl::StatusOr<Rational> value = EvaluateExpression(text, ExpressionLimits(), trace);
  return value.ok() ? value->ToString() : std::string(absl::StatusCodeToString(value.status().code()));
}

TEST(ExpressionTest, FollowsTheUsualPrecedence) {
  EXPECT_EQ(Evaluated("1 + 2 * 3"), "7");
  EXPECT_EQ(Evaluated("(1 + 2) * 3"), "9");
  EXPECT_EQ(Evaluated("10 - 4 - 3"), "3");
  EXPECT_EQ(Evaluated("12 / 4 / 3"), "1");
  EXPECT_EQ(Evaluated("-2^2"), "-4");
  EXPECT_EQ(Evaluated("(-2)^2"), "4");
  EXPECT_EQ(Evaluated("2^3^2"), "512");
  EXPECT_EQ(Evaluated("2**-1"), "1/2");
  EXPECT_EQ(Evaluated("3 - -2"), "5");
  EXPECT_EQ(Evaluated("2 * -3"), "-6");
}

TEST(ExpressionTest, ReadsOtherSpellings) {
  EXPECT_EQ(Evaluated("\\frac{1 + 2}{4} \\times [8 - {4}]"), "3");
  EXPECT_EQ(Evaluated("3 \xc3\x97 4 \xc3\xb7 2 \xe2\x88\x92 1"), "5");
  EXPECT_EQ(Evaluated("2^{10}"), "1024");
  EXPECT_EQ(Evaluated("1,000 + .5"), "2001/2");
}

TEST(ExpressionTest, IsExact) {
  EXPECT_EQ(Evaluated("1/3 + 1/3 + 1/3"), "1");
  EXPECT_EQ(Evaluated("0.1 + 0.2"), "3/10");
  EXPECT_EQ(Evaluated("2^100 - 2^100 + 1"), "1");
}

TEST(ExpressionTest, MalformedIsInvalidArgument) {
  for (const char* text : {"", "1 +", "* 2", "(1", "1)", "(1]", "2(3)", "1 2", "1 + x", "2 ^", "\\frac{1}", "()",
                           "1 // 2", "__import__('os')", "1 / 0", "0 ^ -1", "2 ^ (1/2)"}) {
    EXPECT_EQ(Evaluated(text), "INVALID_ARGUMENT") << text;
  }
  EXPECT_EQ(EvaluateExpression("1 + x", ExpressionLimits(), nullptr).status().message(),
            "expression \"1 + x\": has \"x\" where a number should be");
  EXPECT_EQ(EvaluateExpression("(1", ExpressionLimits(), nullptr).status().message(),
            "expression \"(1\": ends where ) should be");
}

TEST(ExpressionTest, TowersOfPowersStopBeforeTheyAreComputed) {
  for (const char* text : {"9**9**9", "9^9^9", "9^9^9^9^9^9", "(9^9)^(9^9)", "2^(10^300)", "1^(10^300)", "9^9^9*0"}) {
    ExpressionTrace trace;
    EXPECT_EQ(Evaluated(text, &trace), "RESOURCE_EXHAUSTED") << text;
    EXPECT_LE(trace.num_operations, 3) << text;
  }
}

TEST(ExpressionTest, TenThousandBracketsStopAtTheDepthLimit) {
  const std::string balanced = std::string(2000, '(') + "1" + std::string(2000, ')');
  ExpressionTrace trace;
  EXPECT_EQ(Evaluated(balanced, &trace), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(trace.max_depth, 64);
  EXPECT_LE(trace.num_bytes_read, 65);
  EXPECT_EQ(trace.num_operations, 0);

  const std::string longer = std::string(10000, '(') + "1" + std::string(10000, ')');
  EXPECT_EQ(Evaluated(longer, &trace), "RESOURCE_EXHAUSTED");  // by its length alone
  EXPECT_EQ(trace.num_bytes_read, 0);

  EXPECT_EQ(Evaluated(std::string(63, '(') + "1" + std::string(63, ')')), "1");
}

TEST(ExpressionTest, OperationsAreBounded) {
  std::string sum = "1";
  for (int i = 0; i < 256; ++i) sum += "+1";
  ExpressionTrace trace;
  EXPECT_EQ(Evaluated(sum, &trace), "257");
  EXPECT_EQ(trace.num_operations, 256);
  EXPECT_EQ(Evaluated(sum + "+1"), "RESOURCE_EXHAUSTED");
}

TEST(ExpressionTest, LongRunsOfSignsNeedNoStack) {
  EXPECT_EQ(Evaluated(std::string(4000, '-') + "1"), "1");
  EXPECT_EQ(Evaluated(std::string(3999, '-') + "1"), "-1");
}

TEST(ExpressionTest, PowerCanBeRefused) {
  ExpressionLimits limits;
  limits.allow_power = false;
  EXPECT_TRUE(absl::IsInvalidArgument(EvaluateExpression("2^2", limits, nullptr).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(EvaluateExpression("2**2", limits, nullptr).status()));
}

TEST(ExpressionTest, LiteralsAreReportedInOrder) {
  ExpressionTrace trace;
  EXPECT_EQ(Evaluated("-3 * (4 + 4)", &trace), "-24");
  EXPECT_EQ(trace.literals, (std::vector<Rational>{Rational(3), Rational(4), Rational(4)}));
}

TEST(ExpressionTest, RandomTextsNeverCrashAndStayWithinTheirLimits) {
  std::mt19937 random(6);
  constexpr char kAlphabet[] = "0123456789+-*/^()[]{}. ,e\\frac\xe2\x88\x92\0";
  const std::string alphabet(kAlphabet, sizeof(kAlphabet) - 1);
  int num_evaluated = 0;
  for (int i = 0; i < 100000; ++i) {
    std::string text;
    for (size_t size = random() % 24; text.size() < size;) {
      text.push_back(i % 4 == 0 ? static_cast<char>(random())
                                : alphabet[random() % (i % 4 == 1 ? 21 : alphabet.size())]);
    }
    ExpressionTrace trace;
    const absl::StatusOr<Rational> value = EvaluateExpression(text, ExpressionLimits(), &trace);
    if (value.ok()) ++num_evaluated;
    EXPECT_LE(trace.num_operations, 257);
    EXPECT_LE(trace.max_depth, 64);
  }
  EXPECT_GT(num_evaluated, 100);
}

}  // namespace
}  // namespace cohort::reward
