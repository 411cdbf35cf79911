// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_TORCH_STATUS_H_
#define COHORT_KERNELS_TORCH_TORCH_STATUS_H_

#include <functional>
#include <string_view>

#include "absl/status/status.h"

namespace cohort::kernels {

// Runs `fn` and turns what LibTorch throws into a status: out of memory is RESOURCE_EXHAUSTED with the sizes, the rest
// INTERNAL with the first line of the message after `what`. The only place that catches LibTorch's exceptions.
absl::Status StatusFromTorch(std::string_view what, const std::function<absl::Status()>& fn);

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_TORCH_STATUS_H_
