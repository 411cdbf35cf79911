// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_OFFLINE_EVALUATION_H_
#define COHORT_OBJECTIVE_OFFLINE_EVALUATION_H_

#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"

namespace cohort::objective {

struct OfflineOptions {
  cohort::v1::ObjectiveSpec spec;  // as a job file has it: not resolved
  bool is_fp32 = false;
  int64_t max_completion_tokens = 0;     // the default of normalization_tokens; 0: the longest sequence
  std::vector<double> verifier_weights;  // for verifier_scores; empty: 1 each
};

// One update without services, from JSON lines (input_sequence.h): a line per sequence with its advantages, segment ids
// per branch and gradient, in the order of the input, then a line with loss, metric sums and the resolved spec as
// YAML. INVALID_ARGUMENT is one sentence that names the line and field, or the field of the spec.
absl::StatusOr<std::string> EvaluateOffline(const OfflineOptions& options, std::istream& input);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_OFFLINE_EVALUATION_H_
