// SPDX-License-Identifier: Apache-2.0
#include "model/layers/matrix_product.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstdint>

#include "model/layers/bf16_values.h"
#include "model/layers/gradient_products.h"
#include "model/layers/one_mkl_thread.h"
#include "model/layers/product_tiles.h"

namespace cohort::model {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

// The bits of a result depend on how outputs are cut, so this is one number for every batch and thread count.
constexpr int64_t kTileOutputs = 512;
// Rows may be cut anywhere that leaves a multiple of 8 and at least 16, so threads get two tiles each, but none below
// this.
constexpr int64_t kLeastTileRows = 256;
constexpr int64_t kMostRowTiles = 32;

int64_t WantedRowTiles(const at::Tensor& x_TI) {
  if (IsBf16(x_TI)) return kMostRowTiles;  // a tile is widened
  const int64_t num_threads = at::get_num_threads();
  return num_threads == 1 ? 1 : std::min(kMostRowTiles, 2 * num_threads);
}

int64_t TileRows(const at::Tensor& x_TI) {
  const int64_t wanted = WantedRowTiles(x_TI);
  const int64_t num_tiles = std::max<int64_t>(1, std::min(wanted, x_TI.size(0) / kLeastTileRows));
  return std::max<int64_t>(8, ((x_TI.size(0) + num_tiles - 1) / num_tiles + 7) / 8 * 8);
}

at::Tensor RunTiles(const at::Tensor& x_TI, const at::Tensor& weight_OI) {
  const at::Tensor x = x_TI.detach(), weight = weight_OI.detach();
  at::Tensor out = at::empty({x.size(0), weight.size(0)}, x.options());
  ForEachTile({out.size(0), out.size(1), TileRows(x), kTileOutputs}, [&](const ProductTile& tile) {
    at::Tensor result = out.narrow(0, tile.row, tile.num_rows).narrow(1, tile.column, tile.num_columns);
    at::mm_out(result, x.narrow(0, tile.row, tile.num_rows), weight.narrow(0, tile.column, tile.num_columns).t());
  });
  return out;
}

class MatrixProductFunction : public torch::autograd::Function<MatrixProductFunction> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& x_TI, const Variable& weight_OI) {
    ctx->save_for_backward({x_TI, weight_OI});
    return RunTiles(x_TI, weight_OI);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    Variable grad_x, grad_weight;
    if (ctx->needs_input_grad(0)) grad_x = at::mm(grads[0], saved[1]);
    if (ctx->needs_input_grad(1)) grad_weight = at::mm(grads[0].t(), saved[0]);
    return {grad_x, grad_weight};
  }
};

// The product of bf16 numbers, its sums in fp32, as `type`, which is bf16 or fp32.
at::Tensor RunBf16(const at::Tensor& x_TI, const at::Tensor& weight_OI, at::ScalarType type) {
  const at::Tensor x = x_TI.detach(), weight = weight_OI.detach();
  if (!x.is_cpu()) {
    const at::Tensor rounded_IO = weight.to(at::kBFloat16).t();
    return type == at::kBFloat16 ? at::mm(x, rounded_IO) : at::mm(x, rounded_IO, type);
  }
  at::Tensor out = at::empty({x.size(0), weight.size(0)}, x.options().dtype(type));
  ForEachTile({out.size(0), out.size(1), TileRows(x), kTileOutputs}, [&](const ProductTile& tile) {
    at::Tensor result = out.narrow(0, tile.row, tile.num_rows).narrow(1, tile.column, tile.num_columns);
    const at::Tensor rows = x.narrow(0, tile.row, tile.num_rows).to(at::kFloat);
    result.copy_(at::mm(rows, Bf16Values(weight.narrow(0, tile.column, tile.num_columns)).t()));
  });
  return out;
}

class Bf16ProductFunction : public torch::autograd::Function<Bf16ProductFunction> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& x_TI, const Variable& weight_OI) {
    ctx->save_for_backward({x_TI, weight_OI});
    return RunBf16(x_TI, weight_OI, at::kBFloat16);
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    Variable grad_x, grad_weight;
    if (ctx->needs_input_grad(0)) {
      grad_x = at::empty_like(saved[0]);
      InputGradient(grads[0], saved[1], grad_x);
    }
    if (ctx->needs_input_grad(1)) {
      grad_weight = at::zeros(saved[1].sizes(), saved[1].options().dtype(at::kFloat));
      AddWeightGradient(grads[0], saved[0], grad_weight);
    }
    return {grad_x, grad_weight};
  }
};

bool NeedsGrad(const at::Tensor& x_TI, const at::Tensor& weight_OI) {
  return c10::GradMode::is_enabled() && (x_TI.requires_grad() || weight_OI.requires_grad());
}

}  // namespace

at::Tensor MatrixProduct(const at::Tensor& x_TI, const at::Tensor& weight_OI) {
  if (IsBf16(x_TI)) {
    return NeedsGrad(x_TI, weight_OI) ? Bf16ProductFunction::apply(x_TI, weight_OI)
                                      : RunBf16(x_TI, weight_OI, at::kBFloat16);
  }
  if (!x_TI.is_cpu() || x_TI.scalar_type() != at::kFloat) return at::linear(x_TI, weight_OI);
  if (x_TI.size(0) <= TileRows(x_TI) && weight_OI.size(0) <= kTileOutputs) {
    const OneMklThread one_thread;
    return at::linear(x_TI, weight_OI);
  }
  return NeedsGrad(x_TI, weight_OI) ? MatrixProductFunction::apply(x_TI, weight_OI) : RunTiles(x_TI, weight_OI);
}

at::Tensor UnroundedProduct(const at::Tensor& x_TI, const at::Tensor& weight_OI) {
  const c10::NoGradGuard no_grad;
  return IsBf16(x_TI) ? RunBf16(x_TI, weight_OI, at::kFloat) : MatrixProduct(x_TI, weight_OI);
}

}  // namespace cohort::model
