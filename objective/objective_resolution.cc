// SPDX-License-Identifier: Apache-2.0
#include "objective/objective_resolution.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "objective/advantage_resolution.h"
#include "objective/branch_resolution.h"
#include "objective/preset_table.h"
#include "objective/spec_fields.h"

namespace cohort::objective {
namespace {

using cohort::v1::AdvantageSpec;
using cohort::v1::KlSpec;
using cohort::v1::MismatchSpec;
using cohort::v1::MixSpec;
using cohort::v1::ObjectiveSpec;

bool IsNotNegative(double value) { return std::isfinite(value) && value >= 0; }

ObjectiveSpec Overlay(const ObjectiveSpec& preset, const ObjectiveSpec& job) {
  ObjectiveSpec merged = preset;
  ObjectiveSpec rest = job;
  rest.clear_branches();
  rest.clear_preset();
  merged.MergeFrom(rest);
  for (int i = 0; i < job.branches_size(); ++i) {
    cohort::v1::RatioBranch* branch = i < merged.branches_size() ? merged.mutable_branches(i) : merged.add_branches();
    branch->MergeFrom(job.branches(i));
  }
  return merged;
}

bool HasLevel(const ObjectiveSpec& spec, cohort::v1::SegmentLevel level) {
  return std::any_of(spec.branches().begin(), spec.branches().end(),
                     [level](const auto& branch) { return branch.level() == level; });
}

absl::Status ResolveBranches(const ObjectiveSpec& job, ObjectiveSpec* spec) {
  if (spec->branches_size() > 2) {
    return common::InvalidField("branches", absl::StrCat(spec->branches_size()), "at most two");
  }
  for (int i = 0; i < spec->branches_size(); ++i) {
    const cohort::v1::RatioBranch& from_job =
        i < job.branches_size() ? job.branches(i) : cohort::v1::RatioBranch::default_instance();
    COHORT_RETURN_IF_ERROR(
        common::PrefixField(ResolveBranch(from_job, spec->mutable_branches(i)), absl::StrCat("branches[", i, "]")));
    const bool needs_item_credit = spec->branches(i).level() == cohort::v1::SEGMENT_LEVEL_ITEM &&
                                   spec->advantage().estimator() != AdvantageSpec::ESTIMATOR_ITEM;
    COHORT_RETURN_IF_ERROR(common::PrefixField(
        CheckField(spec->branches(i), "level", !needs_item_credit, "needs the advantage.estimator item"),
        absl::StrCat("branches[", i, "]")));
  }
  return absl::OkStatus();
}

// Mixed ratios have one form: two clipped ones.
absl::Status CheckRatioForm(const ObjectiveSpec& spec) {
  if (spec.mix().form() != MixSpec::FORM_RATIO) return absl::OkStatus();
  for (const cohort::v1::RatioBranch& branch : spec.branches()) {
    const bool is_plain_clip = branch.kind() == cohort::v1::SURROGATE_KIND_CLIP && !branch.has_dual_clip() &&
                               !branch.has_delta() && !branch.has_token_log_clip();
    COHORT_RETURN_IF_ERROR(
        CheckField(spec.mix(), "form", is_plain_clip, "needs branches of kind clip without further caps"));
  }
  return absl::OkStatus();
}

absl::Status ResolveMix(const ObjectiveSpec& job, ObjectiveSpec* spec) {
  if (spec->branches_size() < 2) return DropFields(job, spec, {"mix"}, "needs two branches");
  MixSpec* mix = spec->mutable_mix();
  SetDefault(mix, "weighting", MixSpec::WEIGHTING_AVERAGE);
  SetDefault(mix, "form", MixSpec::FORM_SURROGATE);
  if (mix->weighting() != MixSpec::WEIGHTING_ENTROPY) {
    COHORT_RETURN_IF_ERROR(common::PrefixField(
        DropFields(job.mix(), mix, {"invert", "scope", "entropy_source"}, "needs the weighting entropy"), "mix"));
  } else {
    SetDefault(mix, "invert", false);
    SetDefault(mix, "scope", cohort::v1::STATISTIC_SCOPE_RESPONSE);
    SetDefault(mix, "entropy_source", cohort::v1::ENTROPY_SOURCE_PROXIMAL);
  }
  return common::PrefixField(CheckRatioForm(*spec), "mix");
}

absl::Status ResolveReduction(const ObjectiveSpec& job, const ResolutionContext& context, ObjectiveSpec* spec) {
  SetDefault(spec, "loss_reduction", cohort::v1::LOSS_REDUCTION_TOKEN_MEAN);
  const cohort::v1::LossReduction reduction = spec->loss_reduction();
  if (context.is_sft) {
    COHORT_RETURN_IF_ERROR(CheckField(*spec, "loss_reduction",
                                      reduction != cohort::v1::LOSS_REDUCTION_GROUP_TOKEN_MEAN &&
                                          reduction != cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_SEGMENT_MEAN,
                                      "demonstrations have no groups and no segments"));
  }
  const bool is_item_first = spec->branches_size() > 0 && spec->branches(0).level() == cohort::v1::SEGMENT_LEVEL_ITEM;
  COHORT_RETURN_IF_ERROR(CheckField(*spec, "loss_reduction",
                                    reduction != cohort::v1::LOSS_REDUCTION_ITEM_MEAN || is_item_first,
                                    "needs a first branch of level item"));
  if (reduction != cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM_NORM) {
    return DropFields(job, spec, {"normalization_tokens"}, "needs the loss_reduction sequence_mean_token_sum_norm");
  }
  SetDefault(spec, "normalization_tokens", static_cast<double>(context.max_completion_tokens));
  return CheckField(*spec, "normalization_tokens", spec->normalization_tokens() > 0, "must be positive");
}

absl::Status ResolveKl(const KlSpec& job, KlSpec* kl) {
  SetDefault(kl, "coefficient", 0);
  COHORT_RETURN_IF_ERROR(
      CheckField(*kl, "coefficient", IsNotNegative(kl->coefficient()), "must be a number of at least 0"));
  if (kl->coefficient() == 0) {
    // A job may turn a preset's penalty off by the coefficient alone, but must not set what then does nothing.
    return DropFields(job, kl, {"estimator", "placement", "importance_weighted"}, "needs a coefficient");
  }
  SetDefault(kl, "estimator", KlSpec::ESTIMATOR_K3);
  SetDefault(kl, "placement", KlSpec::PLACEMENT_LOSS);
  if (kl->placement() != KlSpec::PLACEMENT_LOSS) {
    return DropFields(job, kl, {"importance_weighted"}, "needs the placement loss");
  }
  SetDefault(kl, "importance_weighted", false);
  return absl::OkStatus();
}

absl::Status ResolveMismatch(const MismatchSpec& job, MismatchSpec* mismatch) {
  SetDefault(mismatch, "bypass", false);
  SetDefault(mismatch, "correction", MismatchSpec::CORRECTION_NONE);
  if (mismatch->correction() == MismatchSpec::CORRECTION_NONE) {
    return DropFields(job, mismatch, {"level", "cap", "low", "normalize"}, "needs a correction");
  }
  COHORT_RETURN_IF_ERROR(CheckField(*mismatch, "bypass", !mismatch->bypass(),
                                    "takes the sampler's log-probs as proximal ones: nothing is left to correct"));
  SetDefault(mismatch, "level", MismatchSpec::LEVEL_TOKEN);
  const bool is_token = mismatch->level() == MismatchSpec::LEVEL_TOKEN;
  const bool is_mask = mismatch->correction() == MismatchSpec::CORRECTION_MASK;
  SetDefault(mismatch, "cap", is_mask && !is_token ? 3 : 2);
  COHORT_RETURN_IF_ERROR(
      CheckField(*mismatch, "cap", std::isfinite(mismatch->cap()) && mismatch->cap() > 0, "must be a positive number"));
  SetDefault(mismatch, "normalize", false);
  if (!is_mask) return DropFields(job, mismatch, {"low"}, "needs the correction mask");
  SetDefault(mismatch, "low", is_token ? 0.5 : 0);
  return CheckField(*mismatch, "low", mismatch->low() >= 0 && mismatch->low() < mismatch->cap(),
                    "must be at least 0 and below cap");
}

absl::Status ResolveSelection(cohort::v1::SelectionSpec* selection) {
  SetDefault(selection, "drop_truncated", false);
  SetDefault(selection, "top_entropy_share", 1);
  COHORT_RETURN_IF_ERROR(CheckField(*selection, "top_entropy_share",
                                    selection->top_entropy_share() > 0 && selection->top_entropy_share() <= 1,
                                    "must be above 0 and at most 1"));
  return CheckField(*selection, "off_policy_threshold",
                    !selection->has_off_policy_threshold() || IsNotNegative(selection->off_policy_threshold()),
                    "must be a number of at least 0");
}

absl::Status ResolveSegmenter(const ObjectiveSpec& job, ObjectiveSpec* spec) {
  cohort::v1::SegmenterSpec* segmenter = spec->mutable_segmenter();
  if (!HasLevel(*spec, cohort::v1::SEGMENT_LEVEL_SUBSENTENCE)) {
    COHORT_RETURN_IF_ERROR(common::PrefixField(
        DropFields(job.segmenter(), segmenter, {"delimiters", "decimal_guard", "min_tokens", "attach_eos"},
                   "needs a branch of level subsentence"),
        "segmenter"));
  } else {
    SetDefault(segmenter, "delimiters", cohort::v1::SegmenterSpec::DELIMITERS_SUBSENTENCE);
    SetDefault(segmenter, "decimal_guard", true);
    SetDefault(segmenter, "min_tokens", 1);
    SetDefault(segmenter, "attach_eos", true);
    COHORT_RETURN_IF_ERROR(common::PrefixField(
        CheckField(*segmenter, "min_tokens", segmenter->min_tokens() > 0, "must be positive"), "segmenter"));
  }
  if (spec->advantage().estimator() != AdvantageSpec::ESTIMATOR_ITEM) {
    COHORT_RETURN_IF_ERROR(common::PrefixField(
        DropFields(job.segmenter(), segmenter, {"item_reading"}, "needs the advantage.estimator item"), "segmenter"));
  } else {
    SetDefault(segmenter, "item_reading", cohort::v1::SegmenterSpec::ITEM_READING_NEWLINES);
  }
  return absl::OkStatus();
}

absl::Status ResolveDynamicSampling(const cohort::v1::DynamicSamplingSpec& job, const ResolutionContext& context,
                                    cohort::v1::DynamicSamplingSpec* sampling) {
  SetDefault(sampling, "enabled", false);
  if (!sampling->enabled()) return DropFields(job, sampling, {"max_rounds"}, "needs enabled");
  COHORT_RETURN_IF_ERROR(CheckField(*sampling, "enabled", context.fixed_lag == 0,
                                    absl::StrCat("groups that replace others would not be sampled by the version that "
                                                 "rlvr.rollout.fixed_lag ",
                                                 context.fixed_lag,
                                                 " asks for; it must be 0, or rlvr.rollout.max_lag be set "
                                                 "instead")));
  SetDefault(sampling, "max_rounds", 10);
  return CheckField(*sampling, "max_rounds", sampling->max_rounds() > 0 && sampling->max_rounds() <= 1000,
                    "must be from 1 to 1000");
}

// Without a proximal pass there are no proximal entropies.
absl::Status CheckEntropiesExist(const ObjectiveSpec& spec) {
  if (!spec.mismatch().bypass()) return absl::OkStatus();
  const char* why = "mismatch.bypass leaves out the pass that would compute it; use surprisal";
  for (int i = 0; i < spec.branches_size(); ++i) {
    COHORT_RETURN_IF_ERROR(
        common::PrefixField(CheckField(spec.branches(i), "entropy_source",
                                       spec.branches(i).entropy_source() != cohort::v1::ENTROPY_SOURCE_PROXIMAL, why),
                            absl::StrCat("branches[", i, "]")));
  }
  COHORT_RETURN_IF_ERROR(common::PrefixField(
      CheckField(spec.mix(), "entropy_source", spec.mix().entropy_source() != cohort::v1::ENTROPY_SOURCE_PROXIMAL, why),
      "mix"));
  return common::PrefixField(
      CheckField(spec.selection(), "top_entropy_share", spec.selection().top_entropy_share() == 1,
                 "mismatch.bypass leaves out the pass that computes proximal entropies"),
      "selection");
}

absl::Status ResolveSft(const ObjectiveSpec& job, const ResolutionContext& context, ObjectiveSpec* spec) {
  COHORT_RETURN_IF_ERROR(DropFields(job, spec,
                                    {"branches", "advantage", "mix", "kl", "entropy_coefficient", "mismatch",
                                     "selection", "segmenter", "dynamic_sampling"},
                                    "has no meaning for the preset sft: demonstrations have no rollouts"));
  return ResolveReduction(job, context, spec);
}

absl::Status ResolveRollouts(const ObjectiveSpec& job, const ResolutionContext& context, ObjectiveSpec* spec) {
  COHORT_RETURN_IF_ERROR(
      common::PrefixField(ResolveAdvantage(job.advantage(), context, spec->mutable_advantage()), "advantage"));
  COHORT_RETURN_IF_ERROR(ResolveBranches(job, spec));
  COHORT_RETURN_IF_ERROR(ResolveMix(job, spec));
  COHORT_RETURN_IF_ERROR(ResolveReduction(job, context, spec));
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveKl(job.kl(), spec->mutable_kl()), "kl"));
  SetDefault(spec, "entropy_coefficient", 0);
  COHORT_RETURN_IF_ERROR(CheckField(*spec, "entropy_coefficient", IsNotNegative(spec->entropy_coefficient()),
                                    "must be a number of at least 0"));
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveMismatch(job.mismatch(), spec->mutable_mismatch()), "mismatch"));
  COHORT_RETURN_IF_ERROR(common::PrefixField(ResolveSelection(spec->mutable_selection()), "selection"));
  COHORT_RETURN_IF_ERROR(ResolveSegmenter(job, spec));
  COHORT_RETURN_IF_ERROR(common::PrefixField(
      ResolveDynamicSampling(job.dynamic_sampling(), context, spec->mutable_dynamic_sampling()), "dynamic_sampling"));
  return CheckEntropiesExist(*spec);
}

}  // namespace

absl::StatusOr<ObjectiveSpec> ResolveObjective(const ObjectiveSpec& job, const ResolutionContext& context) {
  COHORT_RETURN_IF_ERROR(CheckEnumsAreKnown(job));
  const std::string name = !job.preset().empty() ? job.preset() : context.is_sft ? "sft" : "grpo";
  const ObjectiveSpec* preset = FindPreset(name);
  if (preset == nullptr) {
    return common::InvalidField("preset", name, "is not known; one of " + absl::StrJoin(PresetNames(), ", "));
  }
  if ((name == "sft") != context.is_sft) {
    return common::InvalidField("preset", name,
                                context.is_sft ? "a job with sft data needs the preset sft"
                                               : "a job with rlvr data needs a preset for rollouts");
  }
  ObjectiveSpec spec = Overlay(*preset, job);
  COHORT_RETURN_IF_ERROR(context.is_sft ? ResolveSft(job, context, &spec) : ResolveRollouts(job, context, &spec));
  return spec;
}

}  // namespace cohort::objective
