// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_VERIFIER_H_
#define COHORT_REWARD_VERIFIER_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/rollout.pb.h"

namespace cohort::reward {

// One way of scoring a completion: a function of (problem, completion) and of nothing else. It runs in a sandboxed
// child that the parent kills at the deadline, so it needs no clock; limits on the candidate (length, depth,
// operations, digits) are its own, are deterministic, and exceeding one is WRONG. The completion is hostile: any bytes,
// any length. Not thread-safe: a child has its own.
class Verifier {
 public:
  virtual ~Verifier() = default;

  // Called once in the child before the first Judge, for what is better done ahead of time.
  virtual void Prepare() {}

  // Never throws. NO_VERDICT only for what is no fault of the completion (an unusable ground truth, a broken helper).
  virtual cohort::v1::Score Judge(const cohort::v1::Problem& problem, std::string_view completion) = 0;

  // A completion that Judge must grade 1, made from the ground truth. nullopt: the ground truth is usable but names no
  // completion. INVALID_ARGUMENT: unusable, with the value.
  virtual absl::StatusOr<std::optional<std::string>> GoldCompletion(const cohort::v1::Problem& problem) = 0;

  // False after a fault which only a new child repairs.
  virtual bool IsUsable() const { return true; }
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_VERIFIER_H_
