// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_WATCH_H_
#define COHORT_CLI_WATCH_H_

#include <cstdint>
#include <string>

#include "cli/job_client.h"
#include "cli/job_output.h"
#include "cli/verbs.h"

namespace cohort::cli {

// Prints the events of a job after `resume_token` until it ends, and leaves kExitJobFailed unless it succeeded.
void WatchToEnd(VerbContext& context, JobClient& client, const std::string& name, int64_t resume_token,
                OutputFormat output);

// Says how a job has ended that was to end otherwise, and leaves kExitJobFailed.
void FailWithJob(VerbContext& context, const cohort::v1::Job& job);

}  // namespace cohort::cli

#endif  // COHORT_CLI_WATCH_H_
