// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_JOB_OUTPUT_H_
#define COHORT_CLI_JOB_OUTPUT_H_

#include <string>

#include "absl/time/time.h"
#include "cli/output_format.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// One job; wide adds priority, place in the queue, workers, what is waited for and labels. `now` gives the table its
// age column.
std::string FormatJob(const cohort::v1::Job& job, OutputFormat format, absl::Time now);
// A page of jobs; tables begin with the namespace when it is asked for.
std::string FormatJobs(const cohort::v1::ListJobsResponse& page, OutputFormat format, absl::Time now,
                       bool shows_namespace = false);
// One event: a line of text, or of JSON, or a YAML document. Empty where the format has nothing to say.
std::string FormatEvent(const cohort::v1::JobEvent& event, OutputFormat format);
// What an event says, in one line without its time; empty for an event of a kind that is not known here.
std::string EventText(const cohort::v1::JobEvent& event);

// "running", "succeeded".
std::string StateText(cohort::v1::JobState state);
// "rlvr", "sft", "eval" or "rescore".
std::string KindText(const cohort::v1::JobSpec& spec);
// Whether learner ranks train something: RLVR and SFT.
bool HasRanks(const cohort::v1::JobSpec& spec);
// " pass@1=0.2500 pass@4=0.7500" of an evaluation; empty when none was asked for.
std::string PassAtKText(const cohort::v1::EvaluationResult& result);

}  // namespace cohort::cli

#endif  // COHORT_CLI_JOB_OUTPUT_H_
