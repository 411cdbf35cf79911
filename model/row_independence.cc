// SPDX-License-Identifier: Apache-2.0
#include "model/row_independence.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/sin.h>
#include <c10/core/GradMode.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernels/torch/torch_status.h"
#include "model/decoder_rows.h"
#include "model/layers/matrix_product.h"

namespace cohort::model {
namespace {

constexpr int64_t kMaxRows = 512;
constexpr int64_t kBatchRows[] = {kMinRows, kMinRows + kRowMultiple, 64};

bool IsIndependent(const at::Tensor& weight) {
  const int64_t dim = weight.size(1);
  const at::Tensor numbers = at::sin(at::arange(kMaxRows * dim, weight.options().dtype(at::kFloat)));
  const at::Tensor rows = numbers.to(weight.scalar_type()).view({kMaxRows, dim});
  const at::Tensor whole = UnroundedProduct(rows, weight);  // rounding to bf16 would hide most differences
  for (const int64_t count : kBatchRows) {
    for (const int64_t first : {int64_t{0}, kMaxRows - count}) {
      if (!at::equal(UnroundedProduct(rows.narrow(0, first, count), weight), whole.narrow(0, first, count))) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

absl::Status CheckRowIndependence(const Decoder& decoder) {
  return kernels::StatusFromTorch("row independence", [&] {
    const at::NoGradGuard no_grad;
    std::set<std::pair<int64_t, int64_t>> tried;
    const auto check = [&tried](const std::string& name, const at::Tensor& weight) {
      if (weight.dim() != 2 || !tried.emplace(weight.size(0), weight.size(1)).second || IsIndependent(weight)) {
        return absl::OkStatus();
      }
      return absl::FailedPreconditionError(
          absl::StrCat("parameter ", name, ": its product gives a row other bits in batches of another size"));
    };
    // The embedding is a product only as the output weight.
    absl::Status status = check("output weight", decoder.OutputWeight());
    for (const auto& [name, tensor] : decoder.parameters().entries) {
      if (status.ok() && name.find("embed_tokens") == std::string::npos) status = check(name, tensor);
    }
    return status;
  });
}

}  // namespace cohort::model
