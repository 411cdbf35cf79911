// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_INPUT_SEQUENCE_H_
#define COHORT_OBJECTIVE_INPUT_SEQUENCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::objective {

// One line of cohort-objective's input: a completion. Lists have one entry per token; empty ones were not given.
struct InputSequence {
  int64_t line = 0;
  std::string group;  // text of the id
  std::vector<double> policy_logprobs;
  std::vector<double> proximal_logprobs;
  std::vector<double> reference_logprobs;
  std::vector<double> behavior_logprobs;
  std::vector<double> entropies;
  std::vector<uint8_t> mask;
  std::vector<std::string> token_texts;
  std::vector<int64_t> segment_ids;  // -1 for null: in no segment
  bool is_truncated = false;
  // Credit: one of these.
  std::optional<double> reward;
  std::optional<std::vector<double>> item_rewards;
  std::optional<std::vector<double>> verifier_scores;
  std::optional<double> advantage;
  std::vector<double> token_advantages;
};

// INVALID_ARGUMENT, "line 3: <field>: <why>", for text that is no JSON object, an unknown field, a value of the wrong
// type, lists of different lengths, missing or double credit.
absl::StatusOr<InputSequence> ParseInputLine(std::string_view text, int64_t line);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_INPUT_SEQUENCE_H_
