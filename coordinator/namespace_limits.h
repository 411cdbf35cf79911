// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_NAMESPACE_LIMITS_H_
#define COHORT_COORDINATOR_NAMESPACE_LIMITS_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// What one namespace may have at a time; 0: no limit.
struct NamespaceLimits {
  int64_t max_jobs = 0;   // that have not ended
  int64_t max_ranks = 0;  // learner ranks of its running jobs
};

// Whether a namespace with `num_jobs` jobs that have not ended may have this one, too. RESOURCE_EXHAUSTED names the
// limit.
absl::Status CheckLimits(const NamespaceLimits& limits, std::string_view name_space, int64_t num_jobs,
                         const cohort::v1::JobSpec& spec);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_NAMESPACE_LIMITS_H_
