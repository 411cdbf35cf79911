// SPDX-License-Identifier: Apache-2.0
#include "learner/failure/token_lists.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "kernels/torch/torch_status.h"

namespace cohort::learner {
namespace {

using Member = at::Tensor TokenNumbers::*;

const std::map<std::string, Member>& Members() {
  static const auto* const members =
      new std::map<std::string, Member>{{"proximal_logprobs", &TokenNumbers::proximal_logprobs_T},
                                        {"proximal_entropies", &TokenNumbers::proximal_entropies_T},
                                        {"reference_logprobs", &TokenNumbers::reference_logprobs_T}};
  return *members;
}

int64_t NumTokens(const PreparedUpdate& update) {
  int64_t num_tokens = 0;
  for (const Microbatch& microbatch : update.microbatches)
    num_tokens += static_cast<int64_t>(microbatch.targets.size());
  return num_tokens;
}

}  // namespace

absl::StatusOr<TokenLists> TokenListsOf(const PreparedUpdate& update) {
  TokenLists lists;
  const absl::Status status = kernels::StatusFromTorch("numbers of tokens", [&] {
    for (const auto& [name, member] : Members()) {
      for (const TokenNumbers& numbers : update.numbers) {
        const at::Tensor& values_T = numbers.*member;
        if (!values_T.defined()) continue;
        const at::Tensor host_T = values_T.to(at::kCPU, at::kFloat).contiguous();
        const float* const first = host_T.const_data_ptr<float>();
        lists[name].insert(lists[name].end(), first, first + host_T.numel());
      }
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return lists;
}

absl::Status SetTokenLists(const TokenLists& lists, PreparedUpdate* update) {
  return kernels::StatusFromTorch("numbers of tokens", [&]() -> absl::Status {
    for (const auto& [name, values] : lists) {
      const auto member = Members().find(name);
      if (member == Members().end() || static_cast<int64_t>(values.size()) != NumTokens(*update)) {
        return absl::DataLossError(
            absl::StrCat("numbers of tokens: ", values.size(), " for ", NumTokens(*update), " tokens, ", name));
      }
      const float* next = values.data();
      for (size_t i = 0; i < update->microbatches.size(); ++i) {
        const auto count = static_cast<int64_t>(update->microbatches[i].targets.size());
        at::Tensor values_T = at::empty({count}, at::kFloat);
        std::copy(next, next + count, values_T.mutable_data_ptr<float>());
        update->numbers[i].*(member->second) = values_T;
        next += count;
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace cohort::learner
