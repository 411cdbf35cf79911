// SPDX-License-Identifier: Apache-2.0
#include "coordinator/namespace_use.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace cohort::coordinator {
namespace {

constexpr absl::Duration kHalfLife = absl::Hours(24);
// Less than this is as good as nothing.
constexpr double kForgottenSeconds = 1e-3;

}  // namespace

void NamespaceUse::Observe(const std::vector<JobDemand>& jobs, absl::Duration now) {
  const double kept = std::exp2(-absl::FDivDuration(std::max(now - last_, absl::ZeroDuration()), kHalfLife));
  last_ = now;
  for (auto it = used_.begin(); it != used_.end();) {
    it->second *= kept;
    it = it->second < kForgottenSeconds ? used_.erase(it) : std::next(it);
  }
  std::map<std::string, double> of_jobs;
  for (const JobDemand& job : jobs) {
    const auto before = of_jobs_.find(job.job);
    const double added = job.device_seconds - (before == of_jobs_.end() ? 0 : before->second);
    if (added > 0) used_[job.name_space] += added;
    of_jobs[job.job] = job.device_seconds;
  }
  of_jobs_ = std::move(of_jobs);
}

}  // namespace cohort::coordinator
