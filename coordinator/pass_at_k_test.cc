// SPDX-License-Identifier: Apache-2.0
#include "coordinator/pass_at_k.h"

#include <vector>

#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

// Chooses every subset of `k` out of n completions, the first c of them correct, and counts those with a correct one.
double ShareOfSubsetsWithACorrectOne(int n, int c, int k) {
  int64_t num_subsets = 0, num_passing = 0;
  for (uint32_t subset = 0; subset < (1U << n); ++subset) {
    if (__builtin_popcount(subset) != k) continue;
    ++num_subsets;
    if ((subset & ((1U << c) - 1)) != 0) ++num_passing;
  }
  return static_cast<double>(num_passing) / static_cast<double>(num_subsets);
}

TEST(PassAtKTest, IsTheShareOfSubsetsWithACorrectCompletion) {
  for (int n = 1; n <= 10; ++n) {
    for (int c = 0; c <= n; ++c) {
      for (int k = 1; k <= n; ++k) {
        EXPECT_NEAR(PassAtK(n, c, k), ShareOfSubsetsWithACorrectOne(n, c, k), 1e-15) << n << " " << c << " " << k;
      }
    }
  }
}

struct Golden {
  int64_t num_judged, num_correct, k;
  double value;
};

// By Python: float(1 - Fraction(comb(n - c, k), comb(n, k))).
TEST(PassAtKTest, AgreesWithExactRationals) {
  const std::vector<Golden> cases = {{10, 3, 1, 0.3},
                                     {10, 3, 5, 0.9166666666666666},
                                     {200, 1, 100, 0.5},
                                     {200, 7, 10, 0.3055988116177335},
                                     {4096, 1, 1, 0.000244140625},
                                     {4096, 2000, 3, 0.8660970051209579},
                                     {1000, 990, 8, 1}};
  for (const Golden& golden : cases) {
    EXPECT_NEAR(PassAtK(golden.num_judged, golden.num_correct, golden.k), golden.value, 1e-14)
        << golden.num_judged << " " << golden.num_correct << " " << golden.k;
  }
}

TEST(PassAtKTest, IsExactAtItsEnds) {
  EXPECT_EQ(PassAtK(16, 0, 16), 0);
  EXPECT_EQ(PassAtK(4096, 0, 4096), 0);
  EXPECT_EQ(PassAtK(16, 1, 16), 1);
  EXPECT_EQ(PassAtK(5, 2, 4), 1) << "any four of five contain one of the two";
  EXPECT_EQ(PassAtK(4096, 4096, 1), 1);
}

}  // namespace
}  // namespace cohort::coordinator
