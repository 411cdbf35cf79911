// SPDX-License-Identifier: Apache-2.0
#include "model/layers/gradient_products.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstdint>

#include "model/layers/bf16_values.h"
#include "model/layers/product_tiles.h"

namespace cohort::model {
namespace {

// Of the gradient of x: rows by inputs. The weight is read once for each tile of rows, which costs little from 256 on.
constexpr int64_t kInputTileRows = 256;
constexpr int64_t kInputTileColumns = 512;
// Of the gradient of the weight: outputs by inputs.
constexpr int64_t kWeightTileRows = 512;
constexpr int64_t kWeightTileColumns = 512;
// With bf16 the numbers of a tile are widened, so many of what is summed over at a time. Fixed: sums are cut there.
constexpr int64_t kWidenedAtOnce = 512;
// Outputs of a head whose gradients lie beside the sum at a time, on other devices.
constexpr int64_t kOutputsAtOnce = 16384;

bool UsesTiles(const at::Tensor& tensor) { return tensor.is_cpu() && tensor.scalar_type() == at::kFloat; }

at::Tensor Part(const at::Tensor& matrix, const ProductTile& tile) {
  return matrix.narrow(0, tile.row, tile.num_rows).narrow(1, tile.column, tile.num_columns);
}

// Calls `run(first, count)` for pieces of 0 .. size - 1.
template <typename Run>
void ForPieces(int64_t size, int64_t most, const Run& run) {
  for (int64_t first = 0; first < size; first += most) run(first, std::min(most, size - first));
}

void Bf16InputGradient(const at::Tensor& grad_TO, const at::Tensor& weight_OI, at::Tensor& result_TI) {
  if (!result_TI.is_cpu()) {
    at::mm_out(result_TI, grad_TO.to(at::kBFloat16), weight_OI.to(at::kBFloat16));
    return;
  }
  ForEachTile({result_TI.size(0), result_TI.size(1), kInputTileRows, kInputTileColumns}, [&](const ProductTile& tile) {
    at::Tensor sum = at::zeros({tile.num_rows, tile.num_columns}, at::kFloat);
    const at::Tensor grad = grad_TO.narrow(0, tile.row, tile.num_rows);
    const at::Tensor weight = weight_OI.narrow(1, tile.column, tile.num_columns);
    ForPieces(grad.size(1), kWidenedAtOnce, [&](int64_t first, int64_t count) {
      sum.addmm_(grad.narrow(1, first, count).to(at::kFloat), Bf16Values(weight.narrow(0, first, count)));
    });
    Part(result_TI, tile).copy_(sum);
  });
}

// Off the CPU the gradient is rounded to bf16 for the product, whose sums stay fp32.
void AddBf16WeightGradient(const at::Tensor& grad_TO, const at::Tensor& x_TI, const at::Tensor& result_OI) {
  if (!result_OI.is_cpu()) {
    ForPieces(result_OI.size(0), kOutputsAtOnce, [&](int64_t first, int64_t count) {
      const at::Tensor grad_OT = grad_TO.narrow(1, first, count).to(at::kBFloat16).t();
      result_OI.narrow(0, first, count).add_(at::mm(grad_OT, x_TI, at::kFloat));
    });
    return;
  }
  ForEachTile({result_OI.size(0), result_OI.size(1), kWeightTileRows, kWeightTileColumns},
              [&](const ProductTile& tile) {
                at::Tensor sum = Part(result_OI, tile);
                const at::Tensor grad = grad_TO.narrow(1, tile.row, tile.num_rows);
                const at::Tensor x = x_TI.narrow(1, tile.column, tile.num_columns);
                ForPieces(x.size(0), kWidenedAtOnce, [&](int64_t first, int64_t count) {
                  sum.addmm_(grad.narrow(0, first, count).to(at::kFloat).t(), x.narrow(0, first, count).to(at::kFloat));
                });
              });
}

}  // namespace

void InputGradient(const at::Tensor& grad_TO, const at::Tensor& weight_OI, const at::Tensor& grad_x_TI) {
  const c10::NoGradGuard no_grad;
  const at::Tensor grad = grad_TO.detach(), weight = weight_OI.detach();
  at::Tensor result = grad_x_TI.detach();
  if (IsBf16(result)) return Bf16InputGradient(grad, weight, result);
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
  if (IsBf16(x)) return AddBf16WeightGradient(grad_TO.detach(), x, result);
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
