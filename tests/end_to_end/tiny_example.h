// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_TESTS_END_TO_END_TINY_EXAMPLE_H_
#define COHORT_TESTS_END_TO_END_TINY_EXAMPLE_H_

#include <string>

namespace cohort::tests {

inline constexpr int kSftSteps = 12;
inline constexpr int kRlvrSteps = 10;
inline constexpr int kGroupsPerStep = 8;

// A folder with everything a run needs: model/ (30 thousand random parameters, the arithmetic example's tokenizer),
// data/ (additions of two digits) and two job files, sft.yaml and rlvr.yaml, which starts from sft's checkpoint, on two
// ranks.
void WriteTinyExample(const std::string& directory, int world_size = 2);

// A valid job file of an RLVR job on `model`, which the bad input tests spoil.
std::string RlvrJobText(const std::string& model_source, int world_size = 2);

struct ShortRlvrJob {
  int groups_per_step = 2;
  int num_steps = 2;
  int world_size = 1;
  std::string schedule = "fixed_lag: 0";  // of rlvr.rollout
};

// The job file of an RLVR job on model/ with groups of 2 and a checkpoint every 2 steps, and without an evaluation.
std::string ShortRlvrJobText(const ShortRlvrJob& job = {});

}  // namespace cohort::tests

#endif  // COHORT_TESTS_END_TO_END_TINY_EXAMPLE_H_
