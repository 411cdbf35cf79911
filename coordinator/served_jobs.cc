// SPDX-License-Identifier: Apache-2.0
#include "coordinator/served_jobs.h"

#include <algorithm>
#include <utility>

namespace cohort::coordinator {

bool ServedJobs::Set(List jobs) {
  auto shared = std::make_shared<const List>(std::move(jobs));
  absl::MutexLock lock(&mutex_);
  const bool is_same =
      std::equal(jobs_->begin(), jobs_->end(), shared->begin(), shared->end(),
                 [](const ServedJob& a, const ServedJob& b) { return a.job == b.job && a.runtime == b.runtime; });
  jobs_ = std::move(shared);
  return !is_same;
}

std::shared_ptr<const ServedJobs::List> ServedJobs::Get() const {
  absl::MutexLock lock(&mutex_);
  return jobs_;
}

}  // namespace cohort::coordinator
