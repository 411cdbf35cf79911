// SPDX-License-Identifier: Apache-2.0
#include "model/layers/layer_ops.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "model/layers/layer_loops.h"

#ifndef _OPENMP
#error "without -fopenmp at::parallel_for runs on one thread"
#endif

namespace cohort::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

const LayerLoops& Loops() { return LayerLoopsFor(kernels::BestCpuTarget()); }

bool UsesLoops(const at::Tensor& x) { return x.is_cpu() && x.scalar_type() == at::kFloat; }

bool NeedsGrad(const at::Tensor& a, const at::Tensor& b) {
  return c10::GradMode::is_enabled() && (a.requires_grad() || b.requires_grad());
}

const float* Read(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }
float* Write(at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

// Shares rows of about `row_size` elements between threads.
void ForRows(int64_t rows, int64_t row_size, const std::function<void(LoopRange)>& run) {
  const int64_t grain = std::max<int64_t>(1, 32768 / std::max<int64_t>(1, row_size));
  at::parallel_for(0, rows, grain, [&](int64_t first, int64_t last) { run({first, last}); });
}

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
  NormResult result{at::empty_like(x_TD), at::empty({x_TD.size(0)}, x_TD.options())};
  const RmsNormForward op{Read(x_TD),         Read(weight_D), Write(result.out),
                          Write(result.rstd), x_TD.size(1),   static_cast<float>(eps)};
  ForRows(x_TD.size(0), op.dim, [&](LoopRange rows) { Loops().rms_norm(op, rows); });
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
    const at::Tensor grad_out = grads[0].contiguous();
    at::Tensor grad_x = at::empty_like(saved[0]);
    const RmsNormBackward op{Read(saved[0]), Read(saved[1]), Read(saved[2]),  Read(grad_out),
                             Write(grad_x),  nullptr,        saved[0].size(1)};
    const at::Tensor grad_weight = SumOverChunks(saved[0].size(0), saved[1], [&op](LoopRange rows, float* partial) {
      RmsNormBackward chunk = op;
      chunk.grad_weight_D = partial;
      Loops().rms_norm_backward(chunk, rows);
    });
    return {grad_x, grad_weight, Variable()};
  }
};

NormResult RunNormRope(const at::Tensor& x_TM, const at::Tensor& weight_H, const at::Tensor& cos_TA,
                       const at::Tensor& sin_TA, double eps) {
  const int64_t head_dim = weight_H.size(0);
  const int64_t num_heads = x_TM.size(1) / head_dim;
  NormResult result{at::empty({x_TM.size(0), num_heads, head_dim}, x_TM.options()),
                    at::empty({x_TM.size(0), num_heads}, x_TM.options())};
  const NormRopeForward op{Read(x_TM),         Read(weight_H), Read(cos_TA), Read(sin_TA),           Write(result.out),
                           Write(result.rstd), num_heads,      head_dim,     static_cast<float>(eps)};
  ForRows(x_TM.size(0), x_TM.size(1), [&](LoopRange rows) { Loops().norm_rope(op, rows); });
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
    const at::Tensor grad_out = grads[0].contiguous();
    at::Tensor grad_x = at::empty_like(saved[0]);
    const int64_t head_dim = saved[1].size(0);
    const NormRopeBackward op{Read(saved[0]), Read(saved[1]), Read(saved[2]),
                              Read(saved[3]), Read(saved[4]), Read(grad_out),
                              Write(grad_x),  nullptr,        saved[0].size(1) / head_dim,
                              head_dim};
    const at::Tensor grad_weight = SumOverChunks(saved[0].size(0), saved[1], [&op](LoopRange rows, float* partial) {
      NormRopeBackward chunk = op;
      chunk.grad_weight_H = partial;
      Loops().norm_rope_backward(chunk, rows);
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
  const RopeRotation op{Read(in), Read(cos_TA), Read(sin_TA), Write(out), row_size / head_dim, head_dim};
  ForRows(num_rows, row_size, [&](LoopRange rows) { loop(op, rows); });
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

at::Tensor RunSwiglu(const at::Tensor& gate, const at::Tensor& up) {
  at::Tensor out = at::empty_like(gate);
  const SwigluForward op{Read(gate), Read(up), Write(out)};
  ForRows(gate.numel(), 1, [&](LoopRange elements) { Loops().swiglu(op, elements); });
  return out;
}

class SwigluFunction : public torch::autograd::Function<SwigluFunction> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& gate, const Variable& up) {
    ctx->save_for_backward({gate, up});
    return RunSwiglu(gate, up);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor grad_out = grads[0].contiguous();
    at::Tensor grad_gate = at::empty_like(saved[0]);
    at::Tensor grad_up = at::empty_like(saved[1]);
    const SwigluBackward op{Read(saved[0]), Read(saved[1]), Read(grad_out), Write(grad_gate), Write(grad_up)};
    ForRows(saved[0].numel(), 1, [&](LoopRange elements) { Loops().swiglu_backward(op, elements); });
    return {grad_gate, grad_up};
  }
};

at::Tensor RmsNormWithAten(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor x32 = x.to(at::kFloat);
  return (x32 * at::rsqrt((x32 * x32).mean(-1, /*keepdim=*/true) + eps)).to(x.scalar_type()) * weight;
}

at::Tensor RopeWithAten(const at::Tensor& x_TNH, const at::Tensor& cos_TA, const at::Tensor& sin_TA) {
  const int64_t half = x_TNH.size(2) / 2;
  const at::Tensor low = x_TNH.narrow(-1, 0, half), high = x_TNH.narrow(-1, half, half);
  const at::Tensor cos = cos_TA.unsqueeze(1).to(x_TNH.scalar_type()), sin = sin_TA.unsqueeze(1).to(x_TNH.scalar_type());
  return at::cat({low * cos - high * sin, high * cos + low * sin}, -1);
}

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
  const int64_t head_dim = weight_H.size(0);
  const at::Tensor x_TNH = x_TM.view({x_TM.size(0), x_TM.size(1) / head_dim, head_dim});
  return RopeWithAten(RmsNormWithAten(x_TNH, weight_H, eps), cos_TA, sin_TA);
}

at::Tensor Rope(const at::Tensor& x_TM, int64_t head_dim, const at::Tensor& cos_TA, const at::Tensor& sin_TA) {
  if (!UsesLoops(x_TM)) {
    return RopeWithAten(x_TM.view({x_TM.size(0), x_TM.size(1) / head_dim, head_dim}), cos_TA, sin_TA);
  }
  const at::Tensor x = x_TM.contiguous();
  return NeedsGrad(x, x) ? RopeFunction::apply(x, head_dim, cos_TA, sin_TA)
                         : RunRope(x, head_dim, cos_TA, sin_TA, Loops().rope);
}

at::Tensor Swiglu(const at::Tensor& gate_TI, const at::Tensor& up_TI) {
  if (!UsesLoops(gate_TI)) return at::silu(gate_TI) * up_TI;
  const at::Tensor gate = gate_TI.contiguous(), up = up_TI.contiguous();
  return NeedsGrad(gate, up) ? SwigluFunction::apply(gate, up) : RunSwiglu(gate, up);
}

}  // namespace cohort::model
