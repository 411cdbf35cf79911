// SPDX-License-Identifier: Apache-2.0
#include "model/layers/gradient_products.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/mm.h>
#include <c10/core/GradMode.h>

#include "model/layers/product_tiles.h"

namespace cohort::model {
namespace {

// Of the gradient of x: rows by inputs. The weight is read once for each tile of rows, which costs little from 256 on.
constexpr int64_t kInputTileRows = 256;
constexpr int64_t kInputTileColumns = 512;
// Of the gradient of the weight: outputs by inputs.
constexpr int64_t kWeightTileRows = 512;
constexpr int64_t kWeightTileColumns = 512;

bool UsesTiles(const at::Tensor& tensor) { return tensor.is_cpu() && tensor.scalar_type() == at::kFloat; }

at::Tensor Part(const at::Tensor& matrix, const ProductTile& tile) {
  return matrix.narrow(0, tile.row, tile.num_rows).narrow(1, tile.column, tile.num_columns);
}

}  // namespace

void InputGradient(const at::Tensor& grad_TO, const at::Tensor& weight_OI, const at::Tensor& grad_x_TI) {
  const c10::NoGradGuard no_grad;
  const at::Tensor grad = grad_TO.detach(), weight = weight_OI.detach();
  at::Tensor result = grad_x_TI.detach();
  if (!UsesTiles(result)) {
    at::mm_out(result, grad, weight);
    return;
  }
  ForEachTile({result.size(0), result.size(1), kInputTileRows, kInputTileColumns}, [&](const ProductTile& tile) {
    at::Tensor part = Part(result, tile);
    at::mm_out(part, grad.narrow(0, tile.row, tile.num_rows), weight.narrow(1, tile.column, tile.num_columns));
  });
}

void AddWeightGradient(const at::Tensor& grad_TO, const at::Tensor& x_TI, const at::Tensor& grad_weight_OI) {
  const c10::NoGradGuard no_grad;
  const at::Tensor grad = grad_TO.detach().t(), x = x_TI.detach();
  at::Tensor result = grad_weight_OI.detach();
  if (!UsesTiles(result)) {
    result.addmm_(grad, x);
    return;
  }
  ForEachTile({result.size(0), result.size(1), kWeightTileRows, kWeightTileColumns}, [&](const ProductTile& tile) {
    at::Tensor part = Part(result, tile);
    part.addmm_(grad.narrow(0, tile.row, tile.num_rows), x.narrow(1, tile.column, tile.num_columns));
  });
}

}  // namespace cohort::model
