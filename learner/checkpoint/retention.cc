// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/retention.h"

#include <algorithm>
#include <cstddef>

namespace cohort::learner {

std::vector<int64_t> SurplusVersions(const std::vector<int64_t>& versions, const RetentionPolicy& policy) {
  // The newest up to here are what recovery needs, or the last ones, whichever reaches further back.
  size_t num_newest = std::min(versions.size(), static_cast<size_t>(std::max<int64_t>(1, policy.keep_last)));
  while (num_newest < versions.size() && versions[num_newest - 1] > policy.needed_version) ++num_newest;
  std::vector<int64_t> surplus;
  for (size_t i = num_newest; i < versions.size(); ++i) {
    const int64_t version = versions[i];
    const bool is_kept = (policy.keep_every > 0 && version % policy.keep_every == 0) ||
                         std::find(policy.kept_best.begin(), policy.kept_best.end(), version) != policy.kept_best.end();
    if (!is_kept) surplus.push_back(version);
  }
  return surplus;
}

}  // namespace cohort::learner
