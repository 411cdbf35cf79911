// SPDX-License-Identifier: Apache-2.0
#include "coordinator/namespace_limits.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace cohort::coordinator {

absl::Status CheckLimits(const NamespaceLimits& limits, std::string_view name_space, int64_t num_jobs,
                         const cohort::v1::JobSpec& spec) {
  if (limits.max_jobs > 0 && num_jobs >= limits.max_jobs) {
    return absl::ResourceExhaustedError(absl::StrCat("max_jobs_per_namespace: namespace ", std::string(name_space),
                                                     " has as many jobs that have not ended as it may have (", num_jobs,
                                                     ")"));
  }
  const int32_t world_size = spec.training().world_size();
  if (limits.max_ranks > 0 && world_size > limits.max_ranks) {
    return absl::ResourceExhaustedError(absl::StrCat("training.world_size: is more than max_ranks_per_namespace, ",
                                                     limits.max_ranks, ", and could never start (", world_size, ")"));
  }
  return absl::OkStatus();
}

}  // namespace cohort::coordinator
