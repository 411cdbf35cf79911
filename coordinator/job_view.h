// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_JOB_VIEW_H_
#define COHORT_COORDINATOR_JOB_VIEW_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "cohort/v1/job.pb.h"

namespace cohort::coordinator {

// A job as it is answered. Pure functions of a job as it is stored.

// 16 hex digits that change with every change of what is stored.
std::string EtagOf(const cohort::v1::Job& stored);
// ABORTED when the caller saw the job otherwise than it is now. An empty etag stands for any.
absl::Status CheckEtag(const cohort::v1::Job& stored, std::string_view etag);
// The stored job with its etag. JobRuntime::View adds what is true of the moment.
cohort::v1::Job StoredView(cohort::v1::Job stored);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_JOB_VIEW_H_
