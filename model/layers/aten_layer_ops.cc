// SPDX-License-Identifier: Apache-2.0
#include "model/layers/aten_layer_ops.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/layers/bf16_values.h"

namespace cohort::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// Rounds a parameter, whose gradient stays as it is.
class RoundingFunction : public torch::autograd::Function<RoundingFunction> {
 public:
  static Variable forward(AutogradContext*, const Variable& weight) { return Bf16Values(weight); }
  static variable_list backward(AutogradContext*, variable_list grads) { return grads; }
};

at::Tensor Heads(const at::Tensor& x_TM, int64_t head_dim) {
  return x_TM.view({x_TM.size(0), x_TM.size(1) / head_dim, head_dim});
}

// Of bf16 in fp32, not rounded yet.
at::Tensor Norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor x32 = x.to(at::kFloat), scaled = x32 * at::rsqrt((x32 * x32).mean(-1, /*keepdim=*/true) + eps);
  return IsBf16(x) ? scaled * RoundingFunction::apply(weight) : scaled.to(x.scalar_type()) * weight;
}

at::Tensor Rotate(const at::Tensor& x_TNH, const at::Tensor& cos_TA, const at::Tensor& sin_TA) {
  const int64_t half = x_TNH.size(2) / 2;
  const at::Tensor low = x_TNH.narrow(-1, 0, half), high = x_TNH.narrow(-1, half, half);
  const at::Tensor cos = cos_TA.unsqueeze(1).to(x_TNH.scalar_type()), sin = sin_TA.unsqueeze(1).to(x_TNH.scalar_type());
  return at::cat({low * cos - high * sin, high * cos + low * sin}, -1);
}

}  // namespace

at::Tensor RmsNormWithAten(const at::Tensor& x_TD, const at::Tensor& weight_D, double eps) {
  return Norm(x_TD, weight_D, eps).to(x_TD.scalar_type());
}

at::Tensor NormRopeWithAten(const at::Tensor& x_TM, const at::Tensor& weight_H, const at::Tensor& cos_TA,
                            const at::Tensor& sin_TA, double eps) {
  const at::Tensor x_TNH = Heads(x_TM, weight_H.size(0));
  return Rotate(Norm(x_TNH, weight_H, eps), cos_TA, sin_TA).to(x_TM.scalar_type());
}

at::Tensor RopeWithAten(const at::Tensor& x_TM, int64_t head_dim, const at::Tensor& cos_TA, const at::Tensor& sin_TA) {
  const at::Tensor x_TNH = Heads(x_TM, head_dim);
  return Rotate(IsBf16(x_TNH) ? x_TNH.to(at::kFloat) : x_TNH, cos_TA, sin_TA).to(x_TM.scalar_type());
}

at::Tensor SwigluWithAten(const at::Tensor& gate_TI, const at::Tensor& up_TI) { return at::silu(gate_TI) * up_TI; }

}  // namespace cohort::model
