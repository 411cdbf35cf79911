// SPDX-License-Identifier: Apache-2.0
#include "model/layers/matrix_product.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

extern "C" int MKL_Set_Num_Threads_Local(int num_threads);

namespace cohort::model {
namespace {

// Puts the thread count back.
class MatrixProductTest : public testing::Test {
 protected:
  void TearDown() override { at::set_num_threads(threads_); }

 private:
  int threads_ = at::get_num_threads();
};

at::Tensor Product(int threads, const at::Tensor& x, const at::Tensor& weight) {
  at::set_num_threads(threads);
  return MatrixProduct(x, weight);
}

// Inputs on both sides of where MKL with several threads changes its ways, about 800.
TEST_F(MatrixProductTest, RowHasTheSameBitsInEveryBatchWithAnyNumberOfThreads) {
  at::manual_seed(1);
  for (const int64_t inputs : {344, 896, 2048}) {
    for (const int64_t outputs : {21, 1100}) {
      const at::Tensor x = at::randn({776, inputs}), weight = at::randn({outputs, inputs});
      const at::Tensor whole = Product(1, x, weight);
      for (const int threads : {1, 2, 3}) {
        for (const int64_t rows : {16, 24, 264, 776}) {
          const at::Tensor part = Product(threads, x.narrow(0, 776 - rows, rows), weight);
          EXPECT_TRUE(part.equal(whole.narrow(0, 776 - rows, rows)))
              << rows << " rows, " << inputs << " to " << outputs << ", " << threads << " threads";
        }
      }
    }
  }
}

TEST_F(MatrixProductTest, ValueAndGradientsAgreeWithDoublePrecision) {
  at::manual_seed(2);
  for (const int threads : {1, 2}) {
    const at::Tensor x = at::randn({520, 96}).requires_grad_(true), weight = at::randn({700, 96}).requires_grad_(true);
    const at::Tensor grad = at::randn({520, 700});
    const at::Tensor out = Product(threads, x, weight);
    const auto gradients = torch::autograd::grad({out}, {x, weight}, {grad});
    const at::Tensor x64 = x.detach().to(at::kDouble), weight64 = weight.detach().to(at::kDouble);
    const at::Tensor grad64 = grad.to(at::kDouble);
    const auto error = [](const at::Tensor& got, const at::Tensor& truth) {
      return ((got.to(at::kDouble) - truth).abs().max() / truth.abs().max()).item<double>();
    };
    EXPECT_LT(error(out.detach(), x64.matmul(weight64.t())), 2e-6);
    EXPECT_LT(error(gradients[0], grad64.matmul(weight64)), 2e-6);
    EXPECT_LT(error(gradients[1], grad64.t().matmul(x64)), 2e-6);
  }
}

TEST_F(MatrixProductTest, NoRowsAndOtherTypesAreServed) {
  const at::Tensor none = Product(2, at::zeros({0, 8}), at::zeros({5, 8}));
  EXPECT_TRUE(none.size(0) == 0 && none.size(1) == 5);
  EXPECT_EQ(Product(2, at::zeros({0, 8}), at::zeros({600, 8})).size(1), 600);
  const at::Tensor x = at::randn({3, 8}, at::kDouble), weight = at::randn({5, 8}, at::kDouble);
  EXPECT_TRUE(Product(2, x, weight).equal(at::linear(x, weight)));
}

TEST_F(MatrixProductTest, ShapesThatDoNotFitThrowAndLeaveTheThreadsOfMklAsTheyWere) {
  for (const int threads : {1, 2}) {
    at::set_num_threads(threads);
    const int former = MKL_Set_Num_Threads_Local(3);
    for (const int64_t outputs : {5, 600}) {  // one product; tiles
      EXPECT_THROW(MatrixProduct(at::zeros({600, 8}), at::zeros({outputs, 9})), c10::Error);
    }
    EXPECT_EQ(MKL_Set_Num_Threads_Local(former), 3);
  }
}

}  // namespace
}  // namespace cohort::model
