// SPDX-License-Identifier: Apache-2.0
#include "coordinator/checkpoint_validation.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/field_check.h"

namespace cohort::coordinator {
namespace {

constexpr int32_t kDefaultKeepLast = 2;
// Each is a model on the disk, and a line of the job.
constexpr int32_t kMaxKeepBest = 100;

absl::Status ResolveKeepBest(const cohort::v1::EvaluationSpec& evaluation, cohort::v1::CheckpointSpec* checkpoint) {
  COHORT_RETURN_IF_ERROR(CheckRange("keep_best", checkpoint->keep_best(), 0, kMaxKeepBest));
  const std::string& run = checkpoint->keep_best_by();
  if (checkpoint->keep_best() == 0) {
    if (run.empty()) return absl::OkStatus();
    return common::InvalidField("keep_best_by", run, "says by what keep_best chooses, which is 0");
  }
  const int64_t sealed = checkpoint->every_steps();
  const int64_t evaluated = evaluation.every_steps();
  if (sealed == 0 || evaluated == 0 || evaluated % sealed != 0) {
    return common::InvalidField("keep_best", absl::StrCat(checkpoint->keep_best()),
                                absl::StrCat("needs evaluation.every_steps, which is ", evaluated,
                                             ", to be a multiple of checkpoint.every_steps, which is ", sealed,
                                             ": what is evaluated must be sealed"));
  }
  if (run.empty()) checkpoint->set_keep_best_by(evaluation.runs(0).name());
  const bool is_known = std::any_of(evaluation.runs().begin(), evaluation.runs().end(),
                                    [&](const auto& known) { return known.name() == checkpoint->keep_best_by(); });
  if (is_known) return absl::OkStatus();
  return common::InvalidField("keep_best_by", checkpoint->keep_best_by(), "must be the name of one of evaluation.runs");
}

}  // namespace

absl::Status ResolveCheckpoint(const cohort::v1::EvaluationSpec& evaluation, cohort::v1::CheckpointSpec* checkpoint) {
  const int64_t every_steps = checkpoint->every_steps();
  COHORT_RETURN_IF_ERROR(CheckNotNegative("every_steps", every_steps));
  if (checkpoint->keep_last() == 0) checkpoint->set_keep_last(kDefaultKeepLast);
  COHORT_RETURN_IF_ERROR(CheckPositive("keep_last", checkpoint->keep_last()));
  const int64_t keep_every = checkpoint->keep_every();
  COHORT_RETURN_IF_ERROR(CheckNotNegative("keep_every", keep_every));
  if (keep_every > 0 && (every_steps == 0 || keep_every % every_steps != 0)) {
    return common::InvalidField(
        "keep_every", absl::StrCat(keep_every),
        absl::StrCat("must be a multiple of every_steps, which is ", every_steps, ": what is kept must be sealed"));
  }
  return ResolveKeepBest(evaluation, checkpoint);
}

}  // namespace cohort::coordinator
