// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_ROLLOUT_OUTPUT_H_
#define COHORT_CLI_ROLLOUT_OUTPUT_H_

#include <string>

#include "cli/console.h"
#include "cli/output_format.h"
#include "cohort/v1/job_service.pb.h"

namespace cohort::cli {

// Rollouts for people: per group the prompt, the ground truth and its fate, and per completion its text, its reward and
// each verifier's score. Texts are cut to some lines; wide shows them whole, with lengths, times and the worker. What a
// model wrote may hold anything, so control characters are escaped. JSON and YAML are the message.
std::string FormatRollouts(const cohort::v1::ListRolloutsResponse& page, OutputFormat format, const Console& console);

}  // namespace cohort::cli

#endif  // COHORT_CLI_ROLLOUT_OUTPUT_H_
