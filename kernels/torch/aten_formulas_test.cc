// SPDX-License-Identifier: Apache-2.0
// What devices without a kernel of ours run, held against the CPU's operators.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/torch/adamw_aten.h"
#include "kernels/torch/adamw_op.h"
#include "kernels/torch/square_sum_aten.h"
#include "kernels/torch/square_sum_op.h"

namespace cohort::kernels {
namespace {

TEST(AtenFormulasTest, AdamWStepIsTheOperatorsButForRounding) {
  at::manual_seed(1);
  at::Tensor param = at::randn({1003}), exp_avg = at::zeros({1003}), exp_avg_sq = at::zeros({1003});
  at::Tensor aten_param = param.clone(), aten_exp_avg = exp_avg.clone(), aten_exp_avg_sq = exp_avg_sq.clone();
  at::Tensor cast = at::empty({1003}, at::kBFloat16);
  for (int64_t step = 1; step <= 3; ++step) {
    const at::Tensor grad = at::randn({1003});
    const AdamWSettings settings{.learning_rate = 1e-2, .weight_decay = 0.1, .gradient_scale = 0.5, .step = step};
    AdamWStep(param, grad, exp_avg, exp_avg_sq, settings);
    AdamWStepAten(aten_param, grad, aten_exp_avg, aten_exp_avg_sq, settings, cast);
  }
  EXPECT_TRUE(at::allclose(aten_param, param, 1e-6, 1e-6));
  EXPECT_TRUE(at::allclose(aten_exp_avg, exp_avg, 1e-6, 1e-7));
  EXPECT_TRUE(at::allclose(aten_exp_avg_sq, exp_avg_sq, 1e-6, 1e-9));
  EXPECT_TRUE(at::equal(cast, aten_param.to(at::kBFloat16)));
}

TEST(AtenFormulasTest, SquareSumOfSeveralChunksIsTheOperators) {
  at::manual_seed(2);
  const at::Tensor values = at::randn({(int64_t{1} << 24) + 5});
  const double expected = SquareSum(values);
  EXPECT_NEAR(SquareSumAten(values), expected, 1e-9 * expected);
  EXPECT_EQ(SquareSumAten(at::empty({0})), 0);
  EXPECT_TRUE(std::isnan(SquareSumAten(at::full({3}, NAN))));
}

}  // namespace
}  // namespace cohort::kernels
