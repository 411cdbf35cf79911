// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SAMPLE_COMPLETION_H_
#define COHORT_COORDINATOR_SAMPLE_COMPLETION_H_

#include "cohort/v1/job_service.pb.h"
#include "cohort/v1/rollout.pb.h"

namespace cohort::coordinator {

// The first completion of a scored group, for people to read; long texts are cut. Pure.
cohort::v1::SampleCompletion MakeSample(const cohort::v1::Problem& problem, const cohort::v1::RolloutGroup& group);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SAMPLE_COMPLETION_H_
