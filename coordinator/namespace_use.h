// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_NAMESPACE_USE_H_
#define COHORT_COORDINATOR_NAMESPACE_USE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "coordinator/job_demand.h"

namespace cohort::coordinator {

// Device-seconds that each namespace has used lately: what its jobs used since the coordinator started or, of jobs that
// were there already, in all; halved every day, so that a namespace does not pay for last month. Not thread-safe:
// guarded by its owner.
class NamespaceUse final {
 public:
  // The jobs that have not ended, as they are at `now`.
  void Observe(const std::vector<JobDemand>& jobs, absl::Duration now);
  const std::map<std::string, double>& device_seconds() const { return used_; }

 private:
  std::map<std::string, double> used_;     // by namespace
  std::map<std::string, double> of_jobs_;  // as last observed
  absl::Duration last_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_NAMESPACE_USE_H_
