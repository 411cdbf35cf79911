// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_RECORD_OUTPUT_H_
#define COHORT_CLI_RECORD_OUTPUT_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/output_format.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// Sealed checkpoints of a job; wide shows whole digests.
std::string FormatCheckpoints(const cohort::v1::ListCheckpointsResponse& page, OutputFormat format);
// Registered processes; wide adds processor, memory and /metrics address.
std::string FormatProcesses(const cohort::v1::ListProcessesResponse& page, OutputFormat format, absl::Time now);

// The columns of a table of steps: names of metrics in the order asked for, else, of the steps given, in order of name.
std::vector<std::string> StepColumns(const cohort::v1::ListStepsResponse& page, const std::vector<std::string>& asked);
// The line that heads a table or CSV; empty for the other formats.
std::string StepHeading(const std::vector<std::string>& columns, OutputFormat format);
// One step as a line of a table or of CSV, as a line of JSON or as a YAML document. A metric that the step lacks is
// "-", and nothing in CSV.
std::string FormatStep(const cohort::v1::StepRecord& step, const std::vector<std::string>& columns,
                       OutputFormat format);

}  // namespace cohort::cli

#endif  // COHORT_CLI_RECORD_OUTPUT_H_
