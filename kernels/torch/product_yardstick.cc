// SPDX-License-Identifier: Apache-2.0
#include "kernels/torch/product_yardstick.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>

namespace cohort::kernels {

Yardstick ProductYardstick() {
  constexpr int64_t kSize = 1024;
  const at::Tensor a = at::randn({kSize, kSize}), b = at::randn({kSize, kSize}), product = at::empty({kSize, kSize});
  return {.name = "product", .unit = "GFLOP", .work = 2.0 * kSize * kSize * kSize, .run = [a, b, product] {
            at::Tensor out = product;
            at::mm_out(out, a, b);
          }};
}

}  // namespace cohort::kernels
