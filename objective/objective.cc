// SPDX-License-Identifier: Apache-2.0
// Shapes: T completion tokens, S sequences.
#include "objective/objective.h"

#include <limits>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "objective/entropy_readers.h"
#include "objective/loss_pipeline.h"
#include "objective/statistic_rounds.h"
#include "objective/token_batch_check.h"

namespace cohort::objective {
namespace {

using cohort::v1::MismatchSpec;
using cohort::v1::MixSpec;
using cohort::v1::ObjectiveSpec;

bool HasLevel(const ObjectiveSpec& spec, cohort::v1::SegmentLevel level) {
  for (const cohort::v1::RatioBranch& branch : spec.branches()) {
    if (branch.level() == level) return true;
  }
  return false;
}

bool HasCorrection(const ObjectiveSpec& spec) {
  return spec.mismatch().correction() == MismatchSpec::CORRECTION_TRUNCATE ||
         spec.mismatch().correction() == MismatchSpec::CORRECTION_MASK;
}

absl::Status CheckResolved(const ObjectiveSpec& spec) {
  const auto unresolved = [](const std::string& field) {
    return absl::InvalidArgumentError(absl::StrCat("objective: not resolved, ", field));
  };
  if (spec.loss_reduction() == cohort::v1::LOSS_REDUCTION_UNSPECIFIED) return unresolved("loss_reduction");
  if (spec.branches_size() > 2) return unresolved("branches");
  for (const cohort::v1::RatioBranch& branch : spec.branches()) {
    if (branch.level() == cohort::v1::SEGMENT_LEVEL_UNSPECIFIED) return unresolved("branches.level");
    if (branch.kind() == cohort::v1::SURROGATE_KIND_UNSPECIFIED) return unresolved("branches.kind");
    if (branch.flow() == cohort::v1::GRADIENT_FLOW_UNSPECIFIED) return unresolved("branches.flow");
  }
  if (spec.branches_size() == 2 &&
      (spec.mix().weighting() == MixSpec::WEIGHTING_UNSPECIFIED || spec.mix().form() == MixSpec::FORM_UNSPECIFIED)) {
    return unresolved("mix");
  }
  return absl::OkStatus();
}

BatchNeeds LossNeeds(const Objective& objective, int64_t num_groups) {
  const ObjectiveSpec& spec = objective.spec();
  BatchNeeds needs;
  needs.policy = true;
  needs.policy_entropies = spec.entropy_coefficient() > 0;
  needs.num_groups = objective.NeedsRollouts() ? num_groups : std::numeric_limits<int64_t>::max();
  needs.proximal = objective.NeedsRollouts();
  needs.proximal_entropies = objective.NeedsProximalEntropies();
  needs.behavior = HasCorrection(spec) || spec.selection().has_off_policy_threshold();
  needs.reference = objective.NeedsReference();
  needs.subsentence_ends = HasLevel(spec, cohort::v1::SEGMENT_LEVEL_SUBSENTENCE);
  needs.item_ends = HasLevel(spec, cohort::v1::SEGMENT_LEVEL_ITEM);
  return needs;
}

BatchNeeds MeasureNeeds(const Objective& objective, int64_t num_groups) {
  BatchNeeds needs = LossNeeds(objective, num_groups);
  const bool reads = objective.NeedsProximalPassBeforeStatistics();
  needs.policy = needs.policy_entropies = needs.reference = false;
  needs.proximal = needs.proximal && reads;
  needs.proximal_entropies = needs.proximal_entropies && reads;
  needs.behavior = objective.spec().mismatch().normalize();
  return needs;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Objective>> Objective::Create(const ObjectiveSpec& spec) {
  COHORT_RETURN_IF_ERROR(CheckResolved(spec));
  return std::unique_ptr<Objective>(new Objective(spec));
}

bool Objective::NeedsRollouts() const { return spec_.branches_size() > 0; }

bool Objective::NeedsReference() const { return spec_.kl().coefficient() > 0; }

bool Objective::NeedsProximalEntropies() const {
  for (int reader = 0; reader < kNumEntropyReaders; ++reader) {
    const std::optional<EntropyReading> reading = ReadingOf(spec_, static_cast<EntropyReader>(reader));
    if (reading && reading->source != cohort::v1::ENTROPY_SOURCE_SURPRISAL) return true;
  }
  return num_statistic_rounds() > 1;
}

bool Objective::UsesBehaviorAsProximal() const { return spec_.mismatch().bypass(); }

bool Objective::NeedsProximalPassBeforeStatistics() const { return MeasuresLogprobs(spec_); }

bool Objective::NeedsTokenText() const {
  return HasLevel(spec_, cohort::v1::SEGMENT_LEVEL_SUBSENTENCE) ||
         spec_.advantage().estimator() == cohort::v1::AdvantageSpec::ESTIMATOR_ITEM;
}

int Objective::num_statistic_rounds() const { return NumStatisticRounds(spec_); }

UpdateStatistics Objective::BeginStatistics(int64_t num_groups) const { return FirstStatistics(spec_, num_groups); }

StatisticSums Objective::EmptySums(const UpdateStatistics& statistics) const { return ZeroSums(spec_, statistics); }

template <typename Real>
absl::Status Objective::Measure(const TokenBatch<Real>& batch, const UpdateStatistics& statistics,
                                StatisticSums* sums) const {
  COHORT_RETURN_IF_ERROR(CheckTokenBatch(batch, MeasureNeeds(*this, statistics.num_groups)));
  MeasureBatch(spec_, batch, statistics, sums);
  return absl::OkStatus();
}

void Objective::Conclude(const StatisticSums& sums, UpdateStatistics* statistics) const {
  ConcludeRound(spec_, sums, statistics);
}

template <typename Real>
absl::StatusOr<LossAndGradient<Real>> Objective::ComputeLoss(const TokenBatch<Real>& batch,
                                                             const UpdateStatistics& statistics) const {
  if (statistics.round != num_statistic_rounds()) {
    return absl::FailedPreconditionError(
        absl::StrCat("update statistics: ", statistics.round, " of ", num_statistic_rounds(), " rounds concluded"));
  }
  COHORT_RETURN_IF_ERROR(CheckTokenBatch(batch, LossNeeds(*this, statistics.num_groups)));
  return NeedsRollouts() ? RolloutLoss(spec_, batch, statistics) : DemonstrationLoss(spec_, batch, statistics);
}

template absl::Status Objective::Measure(const TokenBatch<float>&, const UpdateStatistics&, StatisticSums*) const;
template absl::Status Objective::Measure(const TokenBatch<double>&, const UpdateStatistics&, StatisticSums*) const;
template absl::StatusOr<LossAndGradient<float>> Objective::ComputeLoss(const TokenBatch<float>&,
                                                                       const UpdateStatistics&) const;
template absl::StatusOr<LossAndGradient<double>> Objective::ComputeLoss(const TokenBatch<double>&,
                                                                        const UpdateStatistics&) const;

}  // namespace cohort::objective
