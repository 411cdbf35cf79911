// SPDX-License-Identifier: Apache-2.0
#include "model/layers/matrix_product.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cstdint>

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

int64_t TileRows(const at::Tensor& x_TI) {
  const int64_t num_threads = at::get_num_threads();
  const int64_t wanted = num_threads == 1 ? 1 : std::min(kMostRowTiles, 2 * num_threads);
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

}  // namespace

at::Tensor MatrixProduct(const at::Tensor& x_TI, const at::Tensor& weight_OI) {
  if (!x_TI.is_cpu() || x_TI.scalar_type() != at::kFloat) return at::linear(x_TI, weight_OI);
  if (x_TI.size(0) <= TileRows(x_TI) && weight_OI.size(0) <= kTileOutputs) {
    const OneMklThread one_thread;
    return at::linear(x_TI, weight_OI);
  }
  const bool needs_grad = c10::GradMode::is_enabled() && (x_TI.requires_grad() || weight_OI.requires_grad());
  return needs_grad ? MatrixProductFunction::apply(x_TI, weight_OI) : RunTiles(x_TI, weight_OI);
}

}  // namespace cohort::model
