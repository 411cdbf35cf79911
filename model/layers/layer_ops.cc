// SPDX-License-Identifier: Apache-2.0
#include "model/layers/layer_ops.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/sum.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "model/layers/aten_layer_ops.h"
#include "model/layers/bf16_values.h"
#include "model/layers/float_rows.h"
#include "model/layers/layer_loops.h"
#include "model/layers/rounded_rows.h"

#ifndef _OPENMP
#error "without -fopenmp at::parallel_for runs on one thread"
#endif

namespace cohort::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

const LayerLoops& Loops() { return LayerLoopsFor(kernels::BestCpuTarget()); }

bool UsesLoops(const at::Tensor& x) { return x.is_cpu() && (x.scalar_type() == at::kFloat || IsBf16(x)); }

bool NeedsGrad(const at::Tensor& a, const at::Tensor& b) {
  return c10::GradMode::is_enabled() && (a.requires_grad() || b.requires_grad());
}

const float* Read(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }
float* Write(at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

// A parameter as the loops use it beside `x`.
at::Tensor LoopWeight(const at::Tensor& weight, const at::Tensor& x) {
  return IsBf16(x) ? Bf16Values(weight.detach()) : weight;
}

at::TensorOptions Fp32(const at::Tensor& x) { return x.options().dtype(at::kFloat); }

// Shares the rows of `x` between threads. Of bf16 a thread takes few at a time, for they are widened.
void ForRows(const at::Tensor& x, const std::function<void(LoopRange)>& run) {
  const int64_t rows = x.size(0);
  const int64_t grain = std::max<int64_t>(1, 32768 * rows / std::max<int64_t>(1, x.numel()));
  at::parallel_for(0, rows, grain, [&](int64_t first, int64_t last) {
    const int64_t step = IsBf16(x) ? grain : last - first;
    for (int64_t row = first; row < last; row += step) run({row, std::min(row + step, last)});
  });
}

LoopRange FromZero(LoopRange rows) { return {0, rows.last - rows.first}; }

// Rows whose weight gradients are summed before the sums are: fixed, so that threads do not change the order.
constexpr int64_t kRowsPerPartialSum = 64;

// Runs `run(range, partial)` for chunks of rows and returns the sum of the partials [weight size] in order.
at::Tensor SumOverChunks(int64_t rows, const at::Tensor& weight,
                         const std::function<void(LoopRange, float* partial)>& run) {
  const int64_t chunks = std::max<int64_t>(1, (rows + kRowsPerPartialSum - 1) / kRowsPerPartialSum);
  const int64_t size = weight.numel();
  at::Tensor partials = at::empty({chunks, size}, weight.options());
  float* values = Write(partials);
  at::parallel_for(0, chunks, /*grain_size=*/4, [&](int64_t first, int64_t last) {
    for (int64_t chunk = first; chunk < last; ++chunk) {
      const int64_t start = chunk * kRowsPerPartialSum;
      run({start, std::min(rows, start + kRowsPerPartialSum)}, values + chunk * size);
    }
  });
  for (int64_t chunk = 1; chunk < chunks; ++chunk) {
    for (int64_t i = 0; i < size; ++i) values[i] += values[chunk * size + i];
  }
  return partials.select(0, 0).clone();
}

struct NormResult {
  at::Tensor out;
  at::Tensor rstd;
};

NormResult RunRmsNorm(const at::Tensor& x_TD, const at::Tensor& weight_D, double eps) {
  NormResult result{at::empty_like(x_TD), at::empty({x_TD.size(0)}, Fp32(x_TD))};
  const at::Tensor weight = LoopWeight(weight_D, x_TD);
  const float* weights = Read(weight);
  float* rstd = Write(result.rstd);
  ForRows(x_TD, [&](LoopRange rows) {
    const FloatRows x(x_TD, rows);
    RoundedRows out(result.out, rows);
    const RmsNormForward op{x.data(), weights, out.data(), rstd + rows.first, x_TD.size(1), static_cast<float>(eps)};
    Loops().rms_norm(op, FromZero(rows));
    out.Store();
  });
  return result;
}

class RmsNormFunction : public torch::autograd::Function<RmsNormFunction> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& x_TD, const Variable& weight_D, double eps) {
    NormResult result = RunRmsNorm(x_TD, weight_D, eps);
    ctx->save_for_backward({x_TD, weight_D, result.rstd});
    return result.out;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &x_TD = saved[0], weight = LoopWeight(saved[1], x_TD), grad_out = grads[0].contiguous();
    const float *weights = Read(weight), *rstd = Read(saved[2]);
    at::Tensor grad_x = at::empty_like(x_TD);
    const at::Tensor grad_weight = SumOverChunks(x_TD.size(0), weight, [&](LoopRange rows, float* partial) {
      const FloatRows x(x_TD, rows), grad(grad_out, rows);
      RoundedRows out(grad_x, rows);
      const RmsNormBackward op{x.data(), weights, rstd + rows.first, grad.data(), out.data(), partial, x_TD.size(1)};
      Loops().rms_norm_backward(op, FromZero(rows));
      out.Store();
    });
    return {grad_x, grad_weight, Variable()};
  }
};

NormResult RunNormRope(const at::Tensor& x_TM, const at::Tensor& weight_H, const at::Tensor& cos_TA,
                       const at::Tensor& sin_TA, double eps) {
  const int64_t head_dim = weight_H.size(0);
  const int64_t num_heads = x_TM.size(1) / head_dim;
  NormResult result{at::empty({x_TM.size(0), num_heads, head_dim}, x_TM.options()),
                    at::empty({x_TM.size(0), num_heads}, Fp32(x_TM))};
  const at::Tensor weight = LoopWeight(weight_H, x_TM);
  const float *weights = Read(weight), *cos = Read(cos_TA), *sin = Read(sin_TA);
  float* rstd = Write(result.rstd);
  ForRows(x_TM, [&](LoopRange rows) {
    const int64_t angle = rows.first * (head_dim / 2);
    const FloatRows x(x_TM, rows);
    RoundedRows out(result.out, rows);
    const NormRopeForward op{x.data(),    weights,    cos + angle,
                             sin + angle, out.data(), rstd + rows.first * num_heads,
                             num_heads,   head_dim,   static_cast<float>(eps)};
    Loops().norm_rope(op, FromZero(rows));
    out.Store();
  });
  return result;
}

class NormRopeFunction : public torch::autograd::Function<NormRopeFunction> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& x_TM, const Variable& weight_H, const Variable& cos_TA,
                          const Variable& sin_TA, double eps) {
    NormResult result = RunNormRope(x_TM, weight_H, cos_TA, sin_TA, eps);
    ctx->save_for_backward({x_TM, weight_H, cos_TA, sin_TA, result.rstd});
    return result.out;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &x_TM = saved[0], weight = LoopWeight(saved[1], x_TM), grad_out = grads[0].contiguous();
    const float *weights = Read(weight), *cos = Read(saved[2]), *sin = Read(saved[3]), *rstd = Read(saved[4]);
    const int64_t head_dim = weight.size(0), num_heads = x_TM.size(1) / head_dim;
    at::Tensor grad_x = at::empty_like(x_TM);
    const at::Tensor grad_weight = SumOverChunks(x_TM.size(0), weight, [&](LoopRange rows, float* partial) {
      const int64_t angle = rows.first * (head_dim / 2);
      const FloatRows x(x_TM, rows), grad(grad_out, rows);
      RoundedRows out(grad_x, rows);
      const NormRopeBackward op{x.data(),    weights,    cos + angle, sin + angle, rstd + rows.first * num_heads,
                                grad.data(), out.data(), partial,     num_heads,   head_dim};
      Loops().norm_rope_backward(op, FromZero(rows));
      out.Store();
    });
    return {grad_x, grad_weight, Variable(), Variable(), Variable()};
  }
};

using RopeLoop = void (*)(const RopeRotation& op, LoopRange rows);

// [T, N, H] from [T, N * H] or [T, N, H].
at::Tensor RunRope(const at::Tensor& in, int64_t head_dim, const at::Tensor& cos_TA, const at::Tensor& sin_TA,
                   RopeLoop loop) {
  const int64_t num_rows = in.size(0), row_size = in.size(1) * (in.dim() == 3 ? in.size(2) : 1);
  at::Tensor out = at::empty({num_rows, row_size / head_dim, head_dim}, in.options());
  const float *cos = Read(cos_TA), *sin = Read(sin_TA);
  ForRows(in, [&](LoopRange rows) {
    const int64_t angle = rows.first * (head_dim / 2);
    const FloatRows from(in, rows);
    RoundedRows to(out, rows);
    loop({from.data(), cos + angle, sin + angle, to.data(), row_size / head_dim, head_dim}, FromZero(rows));
    to.Store();
  });
  return out;
}

class RopeFunction : public torch::autograd::Function<RopeFunction> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& x_TM, int64_t head_dim, const Variable& cos_TA,
                          const Variable& sin_TA) {
    ctx->save_for_backward({cos_TA, sin_TA});
    return RunRope(x_TM, head_dim, cos_TA, sin_TA, Loops().rope);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list angles = ctx->get_saved_variables();
    const at::Tensor grad_out = grads[0].contiguous();
    const at::Tensor grad_x = RunRope(grad_out, grad_out.size(2), angles[0], angles[1], Loops().rope_backward);
    return {grad_x.flatten(1), Variable(), Variable(), Variable()};
  }
};

at::Tensor RunSwiglu(const at::Tensor& gate_TI, const at::Tensor& up_TI) {
  at::Tensor out_TI = at::empty_like(gate_TI);
  const at::Tensor gates = gate_TI.flatten(), ups = up_TI.flatten();
  at::Tensor outs = out_TI.flatten();
  ForRows(gates, [&](LoopRange elements) {
    const FloatRows gate(gates, elements), up(ups, elements);
    RoundedRows out(outs, elements);
    Loops().swiglu({gate.data(), up.data(), out.data()}, FromZero(elements));
    out.Store();
  });
  return out_TI;
}

class SwigluFunction : public torch::autograd::Function<SwigluFunction> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& gate, const Variable& up) {
    ctx->save_for_backward({gate, up});
    return RunSwiglu(gate, up);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor gates = saved[0].flatten(), ups = saved[1].flatten(), grad_outs = grads[0].contiguous().flatten();
    at::Tensor grad_gates = at::empty_like(gates), grad_ups = at::empty_like(ups);
    ForRows(gates, [&](LoopRange elements) {
      const FloatRows gate(gates, elements), up(ups, elements), grad_out(grad_outs, elements);
      RoundedRows grad_gate(grad_gates, elements), grad_up(grad_ups, elements);
      Loops().swiglu_backward({gate.data(), up.data(), grad_out.data(), grad_gate.data(), grad_up.data()},
                              FromZero(elements));
      grad_gate.Store();
      grad_up.Store();
    });
    return {grad_gates.view(saved[0].sizes()), grad_ups.view(saved[1].sizes())};
  }
};

class BiasFunction : public torch::autograd::Function<BiasFunction> {
 public:
  static Variable forward(AutogradContext*, const Variable& x_TM, const Variable& bias_M) {
    return x_TM.add(bias_M.to(at::kBFloat16));
  }

  static variable_list backward(AutogradContext*, variable_list grads) {
    return {grads[0], at::sum(grads[0], {0}, /*keepdim=*/false, at::kFloat)};
  }
};

}  // namespace

at::Tensor RmsNorm(const at::Tensor& x_TD, const at::Tensor& weight_D, double eps) {
  if (!UsesLoops(x_TD)) return RmsNormWithAten(x_TD, weight_D, eps);
  const at::Tensor x = x_TD.contiguous();
  return NeedsGrad(x, weight_D) ? RmsNormFunction::apply(x, weight_D, eps) : RunRmsNorm(x, weight_D, eps).out;
}

at::Tensor NormRope(const at::Tensor& x_TM, const at::Tensor& weight_H, const at::Tensor& cos_TA,
                    const at::Tensor& sin_TA, double eps) {
  if (UsesLoops(x_TM)) {
    const at::Tensor x = x_TM.contiguous();
    return NeedsGrad(x, weight_H) ? NormRopeFunction::apply(x, weight_H, cos_TA, sin_TA, eps)
                                  : RunNormRope(x, weight_H, cos_TA, sin_TA, eps).out;
  }
  return NormRopeWithAten(x_TM, weight_H, cos_TA, sin_TA, eps);
}

at::Tensor Rope(const at::Tensor& x_TM, int64_t head_dim, const at::Tensor& cos_TA, const at::Tensor& sin_TA) {
  if (!UsesLoops(x_TM)) return RopeWithAten(x_TM, head_dim, cos_TA, sin_TA);
  const at::Tensor x = x_TM.contiguous();
  return NeedsGrad(x, x) ? RopeFunction::apply(x, head_dim, cos_TA, sin_TA)
                         : RunRope(x, head_dim, cos_TA, sin_TA, Loops().rope);
}

at::Tensor Swiglu(const at::Tensor& gate_TI, const at::Tensor& up_TI) {
  if (!UsesLoops(gate_TI)) return SwigluWithAten(gate_TI, up_TI);
  const at::Tensor gate = gate_TI.contiguous(), up = up_TI.contiguous();
  return NeedsGrad(gate, up) ? SwigluFunction::apply(gate, up) : RunSwiglu(gate, up);
}

at::Tensor AddBias(const at::Tensor& x_TM, const at::Tensor& bias_M) {
  if (!IsBf16(x_TM)) return x_TM.add_(bias_M);
  return NeedsGrad(x_TM, bias_M) ? BiasFunction::apply(x_TM, bias_M) : x_TM.add_(bias_M.to(at::kBFloat16));
}

}  // namespace cohort::model
