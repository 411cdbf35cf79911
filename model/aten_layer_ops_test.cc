// SPDX-License-Identifier: Apache-2.0
// What a GPU computes in bf16 beside the loops of the CPU; both on CPU tensors.
// Shapes: T rows, D row length, M = N * H, N heads, H head dim, A = H/2 angles, I intermediate size.
#include "model/layers/aten_layer_ops.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "model/layers/layer_ops.h"

namespace cohort::model {
namespace {

constexpr double kEps = 1e-6;
// More rows than are widened, or summed into a weight's gradient, at a time.
constexpr int64_t kRows = 150, kHeads = 3, kHeadDim = 32;
// Of weight gradients, which a rounding to bf16 anywhere would put off by 1e-3.
constexpr double kUnroundedError = 1e-4;

struct Result {
  at::Tensor out;
  std::vector<at::Tensor> grads;  // of the inputs, in order
};

using Operator = std::function<at::Tensor(const std::vector<at::Tensor>& inputs)>;

// Runs the operator and goes back from a gradient that is the same for equal shapes.
Result Run(const Operator& op, const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.detach().clone().requires_grad_(true));
  const at::Tensor out = op(leaves);
  out.backward(at::cos(at::arange(out.numel(), at::kFloat) * 1.7).view(out.sizes()).to(out.scalar_type()));
  Result result{out.detach(), {}};
  for (const at::Tensor& leaf : leaves) result.grads.push_back(leaf.grad());
  return result;
}

// The largest difference in units of the last place that bf16 has at the larger of the two numbers. A result that
// cancels to nearly 0 has the rounding of its fp32 terms, which is not counted.
double LargestUlps(const at::Tensor& got, const at::Tensor& truth) {
  const at::Tensor a = got.to(at::kDouble), b = truth.to(at::kDouble);
  const at::Tensor larger = at::maximum(a.abs(), b.abs()).clamp_min(1e-30);
  const at::Tensor ulp = at::exp2(at::floor(at::log2(larger)) - 7);
  return (((a - b).abs() - 2e-6).clamp_min(0) / ulp).max().item<double>();
}

double RelativeError(const at::Tensor& got, const at::Tensor& truth) {
  return (got.to(at::kDouble) - truth.to(at::kDouble)).norm().item<double>() /
         truth.to(at::kDouble).norm().item<double>();
}

// Values to `ulps`, gradients of bf16 inputs to 2e-2, of fp32 inputs, the weights, as sums that are never rounded.
void ExpectAgree(const Operator& with_aten, const Operator& with_loops, const std::vector<at::Tensor>& inputs,
                 double ulps) {
  const Result got = Run(with_aten, inputs), truth = Run(with_loops, inputs);
  ASSERT_EQ(got.out.sizes(), truth.out.sizes());
  EXPECT_EQ(got.out.scalar_type(), at::kBFloat16);
  EXPECT_EQ(truth.out.scalar_type(), at::kBFloat16);
  EXPECT_LE(LargestUlps(got.out, truth.out), ulps);
  for (size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_TRUE(got.grads[i].defined()) << "input " << i;
    ASSERT_EQ(got.grads[i].sizes(), inputs[i].sizes()) << "input " << i;
    EXPECT_EQ(got.grads[i].scalar_type(), inputs[i].scalar_type()) << "input " << i;
    EXPECT_EQ(truth.grads[i].scalar_type(), inputs[i].scalar_type()) << "input " << i;
    const double most = inputs[i].scalar_type() == at::kFloat ? kUnroundedError : 2e-2;
    EXPECT_LT(RelativeError(got.grads[i], truth.grads[i]), most) << "input " << i;
  }
}

at::Tensor Bf16Rows(int64_t rows, int64_t size) { return at::randn({rows, size}).to(at::kBFloat16); }

// Not numbers of bf16, so they have to be rounded.
at::Tensor Weight(int64_t size) { return at::randn({size}) * 0.3 + 1; }

class AtenLayerOpsTest : public testing::Test {
 protected:
  void SetUp() override { at::manual_seed(7); }

  const at::Tensor angles_TA_ =
      at::arange(kRows * kHeadDim / 2, at::TensorOptions(at::kFloat)).view({kRows, kHeadDim / 2}) * 0.37;
  const at::Tensor cos_TA_ = at::cos(angles_TA_), sin_TA_ = at::sin(angles_TA_);
};

TEST_F(AtenLayerOpsTest, NormOfBf16IsThatOfTheLoops) {
  for (const int64_t dim : {7, 64, 200}) {
    ExpectAgree([](const auto& in) { return RmsNormWithAten(in[0], in[1], kEps); },
                [](const auto& in) { return RmsNorm(in[0], in[1], kEps); }, {Bf16Rows(kRows, dim), Weight(dim)},
                /*ulps=*/1);
  }
}

TEST_F(AtenLayerOpsTest, NormThenRotationOfBf16IsThatOfTheLoops) {
  ExpectAgree([&](const auto& in) { return NormRopeWithAten(in[0], in[1], cos_TA_, sin_TA_, kEps); },
              [&](const auto& in) { return NormRope(in[0], in[1], cos_TA_, sin_TA_, kEps); },
              {Bf16Rows(kRows, kHeads * kHeadDim), Weight(kHeadDim)}, /*ulps=*/1);
}

TEST_F(AtenLayerOpsTest, RotationOfBf16IsThatOfTheLoops) {
  ExpectAgree([&](const auto& in) { return RopeWithAten(in[0], kHeadDim, cos_TA_, sin_TA_); },
              [&](const auto& in) { return Rope(in[0], kHeadDim, cos_TA_, sin_TA_); },
              {Bf16Rows(kRows, kHeads * kHeadDim)}, /*ulps=*/1);
}

// ATen rounds twice.
TEST_F(AtenLayerOpsTest, SwigluOfBf16IsThatOfTheLoopsButForARounding) {
  ExpectAgree([](const auto& in) { return SwigluWithAten(in[0], in[1]); },
              [](const auto& in) { return Swiglu(in[0], in[1]); }, {Bf16Rows(kRows, 72), Bf16Rows(kRows, 72)},
              /*ulps=*/2);
}

TEST_F(AtenLayerOpsTest, WeightIsRoundedToBf16) {
  const at::Tensor x_TD = Bf16Rows(kRows, 64), weight_D = Weight(64);
  const at::Tensor rounded_D = weight_D.to(at::kBFloat16);
  ASSERT_FALSE(at::equal(rounded_D.to(at::kFloat), weight_D));
  EXPECT_TRUE(at::equal(RmsNormWithAten(x_TD, weight_D, kEps), RmsNormWithAten(x_TD, rounded_D, kEps)));
}

}  // namespace
}  // namespace cohort::model
