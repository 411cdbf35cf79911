// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_LOG_OUTPUT_H_
#define COHORT_CLI_LOG_OUTPUT_H_

#include <string>

#include "cli/console.h"
#include "cli/output_format.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// One line of a job's log: a line of text, errors in red where colour is allowed, a line of JSON or a YAML document. In
// text, lines that were lost before it have a line of their own.
std::string FormatLogLine(const cohort::v1::LogLine& line, OutputFormat format, const Console& console);

}  // namespace cohort::cli

#endif  // COHORT_CLI_LOG_OUTPUT_H_
