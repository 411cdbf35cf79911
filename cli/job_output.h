// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_JOB_OUTPUT_H_
#define COHORT_CLI_JOB_OUTPUT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// What -o takes.
enum class OutputFormat { kTable, kJson, kYaml, kName };

// The words of -o, for flag parsing.
const std::map<std::string, OutputFormat>& OutputFormats();

// One job. `now` gives the table its age column.
std::string FormatJob(const cohort::v1::Job& job, OutputFormat format, absl::Time now);
// A page of jobs.
std::string FormatJobs(const cohort::v1::ListJobsResponse& page, OutputFormat format, absl::Time now);
// One event: a line of text, or of JSON, or a YAML document. Empty where the format has nothing to say.
std::string FormatEvent(const cohort::v1::JobEvent& event, OutputFormat format);

// "running", "succeeded".
std::string StateText(cohort::v1::JobState state);
// Rows under headings, columns two blanks apart.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace cohort::cli

#endif  // COHORT_CLI_JOB_OUTPUT_H_
