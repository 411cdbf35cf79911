// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/square_sum_aten.h"

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace cohort::kernels {
namespace {

constexpr int64_t kChunk = int64_t{1} << 24;

}  // namespace

double SquareSumAten(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().flatten();
  at::Tensor sum = at::zeros({}, flat.options().dtype(at::kDouble));
  for (int64_t first = 0; first < flat.numel(); first += kChunk) {
    const at::Tensor chunk = flat.narrow(0, first, std::min(kChunk, flat.numel() - first));
    sum.add_(at::linalg_vector_norm(chunk, /*ord=*/2, /*dim=*/at::OptionalIntArrayRef(), /*keepdim=*/false, at::kDouble)
                 .square());
  }
  return sum.item<double>();
}

}  // namespace cohort::kernels
