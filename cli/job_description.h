// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_JOB_DESCRIPTION_H_
#define COHORT_CLI_JOB_DESCRIPTION_H_

#include <string>

#include "absl/time/time.h"
#include "cli/console.h"
#include "cohort/v1/client_documents.pb.h"

namespace cohort::cli {

// For people, as kubectl describes: what was asked for, what is so now and since when, what happened lately. What does
// not apply is left out. A pure function.
std::string DescribeJob(const cohort::v1::JobDescription& description, absl::Time now, const Console& console);

}  // namespace cohort::cli

#endif  // COHORT_CLI_JOB_DESCRIPTION_H_
