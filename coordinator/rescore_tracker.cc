// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rescore_tracker.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace cohort::coordinator {
namespace {

constexpr double kSameReward = 1e-9;

}  // namespace

RescoreTracker::RescoreTracker(const cohort::v1::RewardSpec& reward)
    : reward_(reward), values_(static_cast<size_t>(reward.verifiers_size())) {}

void RescoreTracker::AddJudged(const cohort::v1::PlannedGroup& before, const cohort::v1::PlannedGroup& after) {
  ++num_groups_;
  num_completions_ += after.outcomes_size();
  for (int i = 0; i < after.outcomes_size(); ++i) {
    if (after.outcomes(i) != cohort::v1::SCORE_OUTCOME_GRADED) {
      ++num_no_verdict_;
      continue;
    }
    if (i >= before.outcomes_size() || before.outcomes(i) != cohort::v1::SCORE_OUTCOME_GRADED) continue;
    ++num_compared_;
    old_reward_ += before.rewards(i);
    new_reward_ += after.rewards(i);
    if (std::abs(before.rewards(i) - after.rewards(i)) < kSameReward) ++num_unchanged_;
    const auto& scores = after.facts(i).verifier_scores();
    for (int j = 0; j < scores.size() && j < reward_.verifiers_size(); ++j) values_[j] += scores[j];
  }
}

void RescoreTracker::AddDropped(const cohort::v1::PlannedGroup& before) {
  num_completions_ += before.outcomes_size();
  num_no_verdict_ += before.outcomes_size();
}

cohort::v1::RescoreResult RescoreTracker::Result() const {
  cohort::v1::RescoreResult result;
  result.set_num_groups(num_groups_);
  result.set_num_completions(num_compared_);
  result.set_num_no_verdict(num_no_verdict_);
  if (num_compared_ == 0) return result;
  const auto count = static_cast<double>(num_compared_);
  result.set_mean_old_reward(old_reward_ / count);
  result.set_mean_new_reward(new_reward_ / count);
  result.set_unchanged_share(static_cast<double>(num_unchanged_) / count);
  for (int i = 0; i < reward_.verifiers_size(); ++i) {
    (*result.mutable_mean_values())[reward_.verifiers(i).name()] = values_[i] / count;
  }
  return result;
}

absl::Status RescoreTracker::CheckVerdicts() const {
  const double most = reward_.max_no_verdict_share();
  if (static_cast<double>(num_no_verdict_) <= most * static_cast<double>(num_completions_)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(num_no_verdict_, " of ", num_completions_,
                                                    " completions had no verdict, more than "
                                                    "rescore.reward.max_no_verdict_share (",
                                                    most, ")"));
}

}  // namespace cohort::coordinator
