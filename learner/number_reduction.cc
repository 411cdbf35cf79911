// SPDX-License-Identifier: Apache-2.0
#include "learner/number_reduction.h"

#include <ATen/ops/tensor.h>

#include <cstddef>

#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {
namespace {

void CopyToHost(const at::Tensor& values, std::vector<double>* host) {
  const at::Tensor copy = values.to(at::kCPU).contiguous();
  host->assign(copy.const_data_ptr<double>(), copy.const_data_ptr<double>() + copy.numel());
}

}  // namespace

absl::Status ReduceNumbers(model::ProcessGroup* group, const at::Device& device, std::vector<double>* sums,
                           std::vector<double>* maxima) {
  if (!sums->empty()) {
    const at::Tensor added = at::tensor(*sums, at::kDouble).to(device);
    COHORT_RETURN_IF_ERROR(group->AllReduceSum(added));
    CopyToHost(added, sums);
  }
  if (maxima->empty()) return absl::OkStatus();
  const at::Tensor largest = at::tensor(*maxima, at::kDouble).to(device);
  COHORT_RETURN_IF_ERROR(group->AllReduceMax(largest));
  CopyToHost(largest, maxima);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int>> RanksThat(bool is_one, model::ProcessGroup* group, const at::Device& device) {
  std::vector<double> answers(static_cast<size_t>(group->world_size()), 0), no_maxima;
  answers[static_cast<size_t>(group->rank())] = is_one ? 1 : 0;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch("answers of the ranks",
                                                  [&] { return ReduceNumbers(group, device, &answers, &no_maxima); }));
  std::vector<int> ranks;
  for (int rank = 0; rank < group->world_size(); ++rank) {
    if (answers[static_cast<size_t>(rank)] > 0) ranks.push_back(rank);
  }
  return ranks;
}

}  // namespace cohort::learner
