// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_RUBRIC_H_
#define COHORT_REWARD_RUBRIC_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cohort/v1/reward_spec.pb.h"
#include "cohort/v1/rollout.pb.h"
#include "reward/sandbox/judgement_child.h"
#include "reward/sandbox/zygote.h"

namespace cohort::reward {

// One completion's scores and what they add up to.
struct RubricResult {
  std::vector<cohort::v1::Score> scores;                                    // one per verifier, in rubric order
  cohort::v1::ScoreOutcome outcome = cohort::v1::SCORE_OUTCOME_NO_VERDICT;  // else GRADED
  double reward = 0;                                                        // meaningful when GRADED
  // Attempts of each verifier that ran past its deadline: at most two, and perhaps in vain the first time only.
  std::vector<int> num_timeouts;
};

// The verifiers a rubric may use, as both sides of the sandbox need them.
struct VerifierSet {
  RegisterVerifiers register_verifiers = nullptr;
  Zygote::ChildMain child_main = nullptr;  // ServeJudgements with the same list
};

// Weighted verifiers over hostile text. Every judgement runs in a pre-forked child with a deadline enforced by SIGKILL;
// a judgement without verdict is tried once more in another child. Thread-safe.
class Rubric {
 public:
  // `zygote` must outlive the rubric. `data_root` is the working directory of command verifiers that name none.
  // `num_children` judgements run at once. INVALID_ARGUMENT names the spec field.
  static absl::StatusOr<std::unique_ptr<Rubric>> Create(const cohort::v1::RewardSpec& spec, std::string_view data_root,
                                                        Zygote* zygote, int num_children);
  // The same with verifiers other than the built-in ones.
  static absl::StatusOr<std::unique_ptr<Rubric>> CreateWith(const VerifierSet& verifiers,
                                                            const cohort::v1::RewardSpec& spec,
                                                            std::string_view data_root, Zygote* zygote,
                                                            int num_children);
  virtual ~Rubric() = default;

  // One result per completion. A non-OK status is a bug of ours, never a verdict.
  virtual absl::StatusOr<std::vector<RubricResult>> Judge(const cohort::v1::Problem& problem,
                                                          const std::vector<std::string>& completions) = 0;
  // Preflight: the completion that every verifier must grade 1 for this problem; one with a negative weight must only
  // reach a verdict. INVALID_ARGUMENT names the verifier and the unusable ground truth.
  virtual absl::Status CheckGold(const cohort::v1::Problem& problem) = 0;
  // The largest reward: sum of positive weights. A completion that reaches it counts as correct.
  virtual double MaxReward() const = 0;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_RUBRIC_H_
