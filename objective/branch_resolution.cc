// SPDX-License-Identifier: Apache-2.0
#include "objective/branch_resolution.h"

#include <cmath>

#include "common/status_macros.h"
#include "objective/spec_fields.h"

namespace cohort::objective {
namespace {

using cohort::v1::RatioBranch;

bool IsPositive(double value) { return std::isfinite(value) && value > 0; }

bool HasBounds(const RatioBranch& branch) {
  return branch.kind() == cohort::v1::SURROGATE_KIND_CLIP || branch.kind() == cohort::v1::SURROGATE_KIND_CISPO;
}

// The published bound for a ratio over such a span.
double DefaultClipLow(cohort::v1::SegmentLevel level) {
  switch (level) {
    case cohort::v1::SEGMENT_LEVEL_SUBSENTENCE:
      return 0.03;
    case cohort::v1::SEGMENT_LEVEL_ITEM:
      return 0.06;
    case cohort::v1::SEGMENT_LEVEL_RESPONSE:
      return 3e-4;
    default:
      return 0.2;
  }
}

double DefaultClipHigh(const RatioBranch& branch, const RatioBranch& job) {
  if (job.has_clip_low()) return job.clip_low();
  switch (branch.level()) {
    case cohort::v1::SEGMENT_LEVEL_ITEM:
      return 0.08;
    case cohort::v1::SEGMENT_LEVEL_RESPONSE:
      return 4e-4;
    default:
      return DefaultClipLow(branch.level());
  }
}

absl::Status ResolveBounds(const RatioBranch& job, RatioBranch* branch) {
  if (!HasBounds(*branch)) {
    COHORT_RETURN_IF_ERROR(DropFields(job, branch, {"clip_low", "clip_high"}, "only kinds clip and cispo have bounds"));
  } else {
    SetDefault(branch, "clip_low", DefaultClipLow(branch->level()));
    SetDefault(branch, "clip_high", DefaultClipHigh(*branch, job));
    const bool may_be_one = branch->kind() == cohort::v1::SURROGATE_KIND_CISPO;
    COHORT_RETURN_IF_ERROR(
        CheckField(*branch, "clip_low",
                   branch->clip_low() > 0 && (branch->clip_low() < 1 || (may_be_one && branch->clip_low() == 1)),
                   may_be_one ? "must be above 0 and at most 1 (1: no lower bound)" : "must be between 0 and 1"));
    COHORT_RETURN_IF_ERROR(
        CheckField(*branch, "clip_high", IsPositive(branch->clip_high()), "must be a positive number"));
  }
  if (branch->kind() != cohort::v1::SURROGATE_KIND_CLIP) {
    COHORT_RETURN_IF_ERROR(DropFields(job, branch, {"dual_clip", "delta"}, "only kind clip is capped"));
  }
  COHORT_RETURN_IF_ERROR(CheckField(
      *branch, "dual_clip", !branch->has_dual_clip() || (std::isfinite(branch->dual_clip()) && branch->dual_clip() > 1),
      "must be above 1"));
  COHORT_RETURN_IF_ERROR(CheckField(*branch, "delta",
                                    !branch->has_delta() || (std::isfinite(branch->delta()) && branch->delta() > 1),
                                    "must be above 1"));
  if (branch->kind() == cohort::v1::SURROGATE_KIND_CISPO) {
    COHORT_RETURN_IF_ERROR(
        DropFields(job, branch, {"token_log_clip"}, "kind cispo has its gradient on the log-prob itself"));
  }
  return CheckField(*branch, "token_log_clip", !branch->has_token_log_clip() || IsPositive(branch->token_log_clip()),
                    "must be a positive number");
}

absl::Status ResolveTau(const RatioBranch& job, RatioBranch* branch) {
  if (branch->kind() != cohort::v1::SURROGATE_KIND_SAPO) {
    return DropFields(job, branch, {"tau_positive", "tau_negative"}, "only kind sapo has temperatures");
  }
  SetDefault(branch, "tau_positive", 1.0);
  SetDefault(branch, "tau_negative", 1.05);
  COHORT_RETURN_IF_ERROR(
      CheckField(*branch, "tau_positive", IsPositive(branch->tau_positive()), "must be a positive number"));
  return CheckField(*branch, "tau_negative", IsPositive(branch->tau_negative()), "must be a positive number");
}

absl::Status ResolveKappa(const RatioBranch& job, RatioBranch* branch) {
  SetDefault(branch, "kappa_min", 0.5);
  SetDefault(branch, "kappa_max", 1.5);
  COHORT_RETURN_IF_ERROR(CheckField(*branch, "kappa_min", branch->kappa_min() >= 0 && branch->kappa_min() <= 1,
                                    "must be between 0 and 1"));
  COHORT_RETURN_IF_ERROR(CheckField(
      *branch, "kappa_max", std::isfinite(branch->kappa_max()) && branch->kappa_max() >= 1, "must be at least 1"));
  const bool is_linear_below = branch->adaptation() == cohort::v1::CLIP_ADAPTATION_LINEAR ||
                               branch->adaptation() == cohort::v1::CLIP_ADAPTATION_TANH_Z;
  return CheckField(*branch, "kappa_max", !is_linear_below || branch->clip_low() * branch->kappa_max() <= 1,
                    "times clip_low must not exceed 1, or the lower bound is negative");
}

absl::Status ResolveAdaptation(const RatioBranch& job, RatioBranch* branch) {
  if (!HasBounds(*branch)) {
    // An explicit "none" says what is so.
    if (job.adaptation() != cohort::v1::CLIP_ADAPTATION_NONE) {
      COHORT_RETURN_IF_ERROR(DropFields(job, branch, {"adaptation"}, "only kinds clip and cispo have bounds to adapt"));
    }
  }
  SetDefault(branch, "adaptation", cohort::v1::CLIP_ADAPTATION_NONE);
  if (branch->adaptation() == cohort::v1::CLIP_ADAPTATION_NONE) {
    return DropFields(
        job, branch, {"kappa_min", "kappa_max", "tanh_alpha", "adaptation_scope", "entropy_source", "per_token_bounds"},
        "needs an adaptation");
  }
  COHORT_RETURN_IF_ERROR(ResolveKappa(job, branch));
  if (branch->adaptation() != cohort::v1::CLIP_ADAPTATION_TANH_Z) {
    COHORT_RETURN_IF_ERROR(DropFields(job, branch, {"tanh_alpha"}, "needs the adaptation tanh_z"));
  } else {
    SetDefault(branch, "tanh_alpha", 0.5);
    COHORT_RETURN_IF_ERROR(
        CheckField(*branch, "tanh_alpha", IsPositive(branch->tanh_alpha()), "must be a positive number"));
  }
  SetDefault(branch, "adaptation_scope", cohort::v1::STATISTIC_SCOPE_BATCH);
  SetDefault(branch, "entropy_source", cohort::v1::ENTROPY_SOURCE_PROXIMAL);
  SetDefault(branch, "per_token_bounds", false);
  return absl::OkStatus();
}

}  // namespace

absl::Status ResolveBranch(const RatioBranch& job, RatioBranch* branch) {
  COHORT_RETURN_IF_ERROR(
      CheckField(*branch, "level", branch->level() != cohort::v1::SEGMENT_LEVEL_UNSPECIFIED, "must be set"));
  SetDefault(branch, "kind", cohort::v1::SURROGATE_KIND_CLIP);
  if (branch->kind() == cohort::v1::SURROGATE_KIND_CISPO) {
    COHORT_RETURN_IF_ERROR(CheckField(*branch, "flow", job.flow() != cohort::v1::GRADIENT_FLOW_THROUGH,
                                      "kind cispo has its gradient on the token itself: local"));
    branch->set_flow(cohort::v1::GRADIENT_FLOW_LOCAL);
  }
  SetDefault(branch, "flow", cohort::v1::GRADIENT_FLOW_THROUGH);
  COHORT_RETURN_IF_ERROR(ResolveBounds(job, branch));
  COHORT_RETURN_IF_ERROR(ResolveTau(job, branch));
  return ResolveAdaptation(job, branch);
}

}  // namespace cohort::objective
