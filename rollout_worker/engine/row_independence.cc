// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/engine/row_independence.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/sin.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::rollout_worker {
namespace {

constexpr int64_t kSmallestBatch = 8;

}  // namespace

absl::StatusOr<std::vector<std::string>> FindRowDependentShapes(const model::Decoder& decoder, int64_t max_rows) {
  const int64_t num_rows = std::max(kSmallestBatch, (max_rows + kSmallestBatch - 1) / kSmallestBatch * kSmallestBatch);
  std::vector<std::string> dependent;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("checking that rows do not depend on the batch", [&] {
    std::set<std::pair<int64_t, int64_t>> seen;
    for (const auto& [name, weight] : decoder.parameters().entries) {
      if (weight.dim() != 2 || !seen.insert({weight.size(0), weight.size(1)}).second) continue;
      // Any values without pattern will do: what is tested is the order of summation.
      const at::Tensor rows = at::sin(at::arange(num_rows * weight.size(1), weight.options().requires_grad(false)));
      const at::Tensor input = rows.view({num_rows, weight.size(1)});
      const at::Tensor all = at::linear(input, weight);
      for (const int64_t first : {int64_t{0}, num_rows - kSmallestBatch}) {
        const at::Tensor few = at::linear(input.narrow(0, first, kSmallestBatch), weight);
        if (at::equal(few, all.narrow(0, first, kSmallestBatch))) continue;
        dependent.push_back(absl::StrCat(weight.size(0), "x", weight.size(1)));
        break;
      }
    }
    return absl::OkStatus();
  }));
  return dependent;
}

}  // namespace cohort::rollout_worker
