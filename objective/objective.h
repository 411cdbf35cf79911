// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_OBJECTIVE_H_
#define COHORT_OBJECTIVE_OBJECTIVE_H_

// Shapes: T trained tokens of a batch, in order of sequence; S sequences.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::objective {

// Rewards of one group, in order of sibling.
struct GroupRewards {
  std::vector<double> rewards;
  std::vector<bool> has_verdict;
};

// Per-sequence credit of one group. No-verdict siblings get 0 and are excluded from the statistics; a group with fewer
// than two verdicts, or with equal rewards, is exactly 0 throughout.
struct GroupAdvantages {
  std::vector<double> advantages;
};

// Totals over one update: all ranks, all microbatches.
struct Denominators {
  int64_t num_tokens = 0;     // trained tokens
  int64_t num_sequences = 0;  // sequences, fully masked ones included
};

// The trained tokens of one microbatch. Only completion tokens are here: prompts are gone.
struct TokenBatch {
  at::Tensor policy_logprobs_T;    // x; fp32 or fp64, CPU or CUDA
  at::Tensor proximal_logprobs_T;  // o; undefined for SFT
  at::Tensor behavior_logprobs_T;  // b; undefined for SFT
  at::Tensor entropies_T;
  std::vector<int64_t> cu_seqlens;  // S + 1 token offsets
  std::vector<double> advantages;   // S
};

// Sums that add up over microbatches and ranks ("sum_*", "count_*") plus extremes ("min_*", "max_*"). Names:
// docs/objectives.md.
using MetricSums = std::map<std::string, double>;

struct LossAndGradient {
  double loss = 0;        // this microbatch's share of the update's loss
  at::Tensor gradient_T;  // d loss / d policy_logprobs, same dtype and device
  MetricSums sums;
};

// An update rule: credit plus surrogate loss. Immutable, thread-safe. Made by objective_registry.h.
class Objective {
 public:
  virtual ~Objective() = default;
  // Objectives on demonstrations have no groups and no proximal log-probs.
  virtual bool NeedsRollouts() const = 0;
  virtual GroupAdvantages ComputeAdvantages(const GroupRewards& group) const = 0;
  // INVALID_ARGUMENT when an input is not finite, naming the sequence.
  virtual absl::StatusOr<LossAndGradient> ComputeLoss(const TokenBatch& batch, const Denominators& totals) const = 0;
};

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_OBJECTIVE_H_
