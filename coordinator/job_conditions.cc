// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_conditions.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>

namespace cohort::coordinator {

using cohort::v1::JobCondition;

void SetCondition(cohort::v1::Job* job, JobCondition::Type type, std::string_view message, absl::Time since) {
  auto& conditions = *job->mutable_conditions();
  auto it =
      std::find_if(conditions.begin(), conditions.end(), [type](const auto& found) { return found.type() == type; });
  if (it == conditions.end()) {
    JobCondition& added = *conditions.Add();
    added.set_type(type);
    *added.mutable_since() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(since));
    it = conditions.end() - 1;
  }
  it->set_message(std::string(message));
  std::sort(conditions.begin(), conditions.end(), [](const auto& a, const auto& b) { return a.type() < b.type(); });
}

void ClearCondition(cohort::v1::Job* job, JobCondition::Type type) {
  auto& conditions = *job->mutable_conditions();
  conditions.erase(std::remove_if(conditions.begin(), conditions.end(),
                                  [type](const JobCondition& found) { return found.type() == type; }),
                   conditions.end());
}

const JobCondition* FindCondition(const cohort::v1::Job& job, JobCondition::Type type) {
  for (const JobCondition& found : job.conditions()) {
    if (found.type() == type) return &found;
  }
  return nullptr;
}

}  // namespace cohort::coordinator
