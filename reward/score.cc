// SPDX-License-Identifier: Apache-2.0
#include "reward/score.h"

#include "absl/strings/str_cat.h"
#include "common/utf8.h"

namespace cohort::reward {
namespace {

constexpr size_t kMaxQuotedBytes = 80;

cohort::v1::Score MakeScore(cohort::v1::ScoreOutcome outcome, double value, std::string_view reason) {
  cohort::v1::Score score;
  score.set_outcome(outcome);
  score.set_value(value);
  score.set_reason(std::string(reason));
  return score;
}

}  // namespace

cohort::v1::Score GradedScore(double value) { return MakeScore(cohort::v1::SCORE_OUTCOME_GRADED, value, ""); }

cohort::v1::Score WrongScore(std::string_view reason) {
  return MakeScore(cohort::v1::SCORE_OUTCOME_WRONG, /*value=*/0, reason);
}

cohort::v1::Score NoVerdictScore(std::string_view reason) {
  return MakeScore(cohort::v1::SCORE_OUTCOME_NO_VERDICT, /*value=*/0, reason);
}

std::string Quoted(std::string_view text) { return absl::StrCat("\"", common::Printable(text, kMaxQuotedBytes), "\""); }

}  // namespace cohort::reward
