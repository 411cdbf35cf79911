// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_JOB_DESCRIPTION_H_
#define COHORT_CLI_JOB_DESCRIPTION_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/console.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// What `cohortctl describe` tells of a job.
struct JobDescription {
  cohort::v1::Job job;
  // Newest first.
  std::vector<cohort::v1::Checkpoint> checkpoints;
  // The newest ones, oldest first.
  std::vector<cohort::v1::JobEvent> events;
};

// For people, as kubectl describes: what was asked for, what is so now and since when, what happened lately. What does
// not apply is left out. A pure function.
std::string DescribeJob(const JobDescription& description, absl::Time now, const Console& console);

}  // namespace cohort::cli

#endif  // COHORT_CLI_JOB_DESCRIPTION_H_
