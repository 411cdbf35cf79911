// SPDX-License-Identifier: Apache-2.0
#include "objective/advantage_resolution.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "objective/spec_fields.h"

namespace cohort::objective {
namespace {

constexpr int32_t kMaxItems = 1000;  // as of a ranking verifier

using cohort::v1::AdvantageSpec;
using cohort::v1::ItemAdvantageSpec;

// Estimators that read the rubric's weighted sum.
bool ReadsReward(const AdvantageSpec& spec) {
  return spec.estimator() == AdvantageSpec::ESTIMATOR_GROUP_MEAN ||
         spec.estimator() == AdvantageSpec::ESTIMATOR_LEAVE_ONE_OUT ||
         spec.estimator() == AdvantageSpec::ESTIMATOR_TOURNAMENT;
}

absl::Status ResolveUnlikeliness(const cohort::v1::UnlikelinessSpec& job, cohort::v1::UnlikelinessSpec* spec) {
  SetDefault(spec, "coefficient", 0);
  COHORT_RETURN_IF_ERROR(CheckField(*spec, "coefficient", spec->coefficient() >= 0 && spec->coefficient() <= 1,
                                    "must be between 0 and 1"));
  if (spec->coefficient() == 0) return DropFields(job, spec, {"among_correct"}, "needs a coefficient");
  SetDefault(spec, "among_correct", false);
  return absl::OkStatus();
}

absl::Status ResolveOverlongPenalty(const cohort::v1::OverlongPenaltySpec& job, cohort::v1::OverlongPenaltySpec* spec) {
  SetDefault(spec, "max_tokens", 0);
  COHORT_RETURN_IF_ERROR(CheckField(*spec, "max_tokens", spec->max_tokens() >= 0, "must not be negative"));
  if (spec->max_tokens() == 0) return DropFields(job, spec, {"buffer_tokens"}, "needs max_tokens");
  // The share of DAPO: 4096 of 20480.
  SetDefault(spec, "buffer_tokens", static_cast<double>((spec->max_tokens() + 4) / 5));
  return CheckField(*spec, "buffer_tokens", spec->buffer_tokens() > 0 && spec->buffer_tokens() <= spec->max_tokens(),
                    "must be above 0 and at most max_tokens");
}

absl::Status ResolveShaping(const ItemAdvantageSpec& job, ItemAdvantageSpec* item) {
  SetDefault(item, "train_outside_items", true);
  if (!item->train_outside_items()) {
    return DropFields(job, item, {"overflow_shaping", "complete_shaping", "short_shaping"},
                      "falls on tokens that train_outside_items leaves out");
  }
  SetDefault(item, "overflow_shaping", -0.1);
  SetDefault(item, "complete_shaping", 0.1);
  SetDefault(item, "short_shaping", -0.1);
  COHORT_RETURN_IF_ERROR(
      CheckField(*item, "overflow_shaping", std::isfinite(item->overflow_shaping()), "must be a number"));
  COHORT_RETURN_IF_ERROR(
      CheckField(*item, "complete_shaping", std::isfinite(item->complete_shaping()), "must be a number"));
  return CheckField(*item, "short_shaping", std::isfinite(item->short_shaping()), "must be a number");
}

// Positions that no verifier scores would be 0 for everybody, and values past the last one would not count.
absl::Status ResolveNumItems(const ItemAdvantageSpec& job, const ResolutionContext& context, ItemAdvantageSpec* item) {
  const bool takes_rubrics = context.num_ranked_items > 0 && !job.has_num_items();
  if (takes_rubrics) item->set_num_items(static_cast<int32_t>(context.num_ranked_items));
  SetDefault(item, "num_items", 20);
  COHORT_RETURN_IF_ERROR(CheckField(*item, "num_items", item->num_items() > 0 && item->num_items() <= kMaxItems,
                                    "must be from 1 to 1000"));
  return CheckField(*item, "num_items", context.num_ranked_items == 0 || item->num_items() == context.num_ranked_items,
                    absl::StrCat("must be that of ", context.ranked_items_field, ", ", context.num_ranked_items));
}

absl::Status ResolveItem(const ItemAdvantageSpec& job, const ResolutionContext& context, ItemAdvantageSpec* item) {
  COHORT_RETURN_IF_ERROR(ResolveNumItems(job, context, item));
  SetDefault(item, "accumulation", ItemAdvantageSpec::ACCUMULATION_EXP_INF);
  if (item->accumulation() != ItemAdvantageSpec::ACCUMULATION_EXP_GAMMA) {
    COHORT_RETURN_IF_ERROR(DropFields(job, item, {"gamma"}, "needs the accumulation exp_gamma"));
  } else {
    COHORT_RETURN_IF_ERROR(
        CheckField(*item, "gamma", std::isfinite(item->gamma()) && item->gamma() >= 1, "must be at least 1"));
  }
  return ResolveShaping(job, item);
}

absl::Status ResolveScale(const AdvantageSpec& job, AdvantageSpec* spec) {
  const bool is_leave_one_out = spec->estimator() == AdvantageSpec::ESTIMATOR_LEAVE_ONE_OUT;
  // The preset's scale belongs to the preset's estimator.
  if (is_leave_one_out && job.scale() == AdvantageSpec::SCALE_UNSPECIFIED) spec->set_scale(AdvantageSpec::SCALE_NONE);
  SetDefault(spec, "scale", AdvantageSpec::SCALE_GROUP_STD);
  if (spec->estimator() == AdvantageSpec::ESTIMATOR_ITEM) {
    COHORT_RETURN_IF_ERROR(DropFields(job, spec, {"whiten_batch"}, "the estimator item has one scale per position"));
  } else {
    SetDefault(spec, "whiten_batch", spec->estimator() == AdvantageSpec::ESTIMATOR_GDPO);
  }
  if (spec->scale() == AdvantageSpec::SCALE_NONE && !spec->whiten_batch()) {
    return DropFields(job, spec, {"population_std", "epsilon"}, "nothing is divided by a standard deviation");
  }
  SetDefault(spec, "population_std", false);
  SetDefault(spec, "epsilon", spec->estimator() == AdvantageSpec::ESTIMATOR_ITEM ? 1e-4 : 1e-6);
  return CheckField(*spec, "epsilon", std::isfinite(spec->epsilon()) && spec->epsilon() > 0,
                    "must be a positive number");
}

}  // namespace

absl::Status ResolveAdvantage(const AdvantageSpec& job, const ResolutionContext& context, AdvantageSpec* spec) {
  SetDefault(spec, "estimator", AdvantageSpec::ESTIMATOR_GROUP_MEAN);
  if (context.group_size < 2) {
    const std::string why =
        absl::StrCat("needs at least 2 completions per prompt (rlvr.rollout.group_size ", context.group_size, ")");
    COHORT_RETURN_IF_ERROR(CheckField(*spec, "estimator", false, why));
  }
  const bool is_item = spec->estimator() == AdvantageSpec::ESTIMATOR_ITEM;
  COHORT_RETURN_IF_ERROR(CheckField(*spec, "estimator", !is_item || context.has_item_rewards,
                                    "needs a verifier that scores list positions"));
  COHORT_RETURN_IF_ERROR(ResolveScale(job, spec));
  if (!is_item) {
    COHORT_RETURN_IF_ERROR(DropFields(job, spec, {"item"}, "needs the estimator item"));
  } else {
    COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveItem(job.item(), context, spec->mutable_item()), "item"));
  }
  if (!ReadsReward(*spec)) {
    return DropFields(job, spec, {"unlikeliness", "overlong_penalty"}, "the estimator does not read the summed reward");
  }
  COHORT_RETURN_IF_ERROR(
      common::PrefixField(ResolveUnlikeliness(job.unlikeliness(), spec->mutable_unlikeliness()), "unlikeliness"));
  return common::PrefixField(ResolveOverlongPenalty(job.overlong_penalty(), spec->mutable_overlong_penalty()),
                             "overlong_penalty");
}

}  // namespace cohort::objective
