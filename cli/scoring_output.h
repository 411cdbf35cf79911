// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_SCORING_OUTPUT_H_
#define COHORT_CLI_SCORING_OUTPUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/output_format.h"
#include "reward/rubric.h"

namespace cohort::cli {

// What a rubric says of the completion of one line of a file.
struct ScoredLine {
  int64_t line = 0;
  reward::RubricResult result;
};

// "correct" (the largest reward), "partial" (some), "wrong" (none) or "no_verdict".
std::string VerdictText(const reward::RubricResult& result, double max_reward);

// One line per completion with each verifier's part, and what they add up to: a table with a summary below, or JSON, an
// object a line, the last one the summary. `lines` is not empty.
std::string FormatScoring(const std::vector<ScoredLine>& lines, double max_reward, OutputFormat format);

}  // namespace cohort::cli

#endif  // COHORT_CLI_SCORING_OUTPUT_H_
