// SPDX-License-Identifier: Apache-2.0
// Shapes: T completion tokens, S sequences.
#include "objective/loss_pipeline.h"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "objective/branch_mix.h"
#include "objective/clip_range.h"
#include "objective/entropy_readers.h"
#include "objective/entropy_scope.h"
#include "objective/loss_reduction.h"
#include "objective/mismatch_correction.h"
#include "objective/mixed_ratio.h"
#include "objective/reference_kl.h"
#include "objective/segment_ratio.h"
#include "objective/segment_surrogate.h"
#include "objective/segments.h"
#include "objective/token_metrics.h"
#include "objective/token_selection.h"
#include "objective/trained_tokens.h"

namespace cohort::objective {
namespace {

using cohort::v1::KlSpec;
using cohort::v1::MixSpec;
using cohort::v1::ObjectiveSpec;

// One microbatch on its way to a loss, in the order of the formula.
template <typename Real>
class LossPipeline final {
 public:
  LossPipeline(const ObjectiveSpec& spec, const TokenBatch<Real>& batch, const UpdateStatistics& statistics)
      : spec_(spec),
        batch_(batch),
        statistics_(statistics),
        trained_(FindTrainedTokens(batch.cu_seqlens, batch.sequences_S, spec.selection().drop_truncated())) {
    for (const cohort::v1::RatioBranch& branch : spec_.branches()) {
      segments_.push_back(CutSegments(branch.level(), trained_));
    }
    // A loss on demonstrations has no segments; its reductions look at none.
    weights_T_ = TokenWeights(spec_, trained_, segments_.empty() ? Segments() : segments_[0], statistics_);
    result_.gradient_T.assign(trained_.mask_T.size(), Real{0});
  }

  LossAndGradient<Real> Demonstrations() {
    for (size_t t = 0; t < weights_T_.size(); ++t) {
      result_.loss -= weights_T_[t] * batch_.policy_logprobs_T[t];
      result_.gradient_T[t] = static_cast<Real>(-weights_T_[t]);
    }
    AddTokenMetrics(batch_, trained_, /*advantages_T=*/{}, &result_.sums);
    result_.sums["sum_surrogate_loss"] = result_.loss;
    return std::move(result_);
  }

  LossAndGradient<Real> Rollouts() {
    advantages_T_ = TokenAdvantages(trained_);
    AddTokenMetrics(batch_, trained_, advantages_T_, &result_.sums);
    if (!spec_.mismatch().bypass()) AddMismatchMetrics(batch_, trained_, &result_.sums);
    const std::vector<double> surrogate_weights_T = SurrogateWeights();
    if (HasKl(KlSpec::PLACEMENT_REWARD)) SubtractKlFromAdvantages<Real>(spec_.kl(), batch_, advantages_T_);
    AddSurrogates(surrogate_weights_T);
    if (HasKl(KlSpec::PLACEMENT_LOSS)) AddKl();
    if (spec_.entropy_coefficient() > 0) AddEntropyBonus();
    return std::move(result_);
  }

 private:
  bool HasKl(KlSpec::Placement placement) const {
    return spec_.kl().coefficient() > 0 && spec_.kl().placement() == placement;
  }

  RatioInputs<Real> Inputs(int branch) const {
    return {.trained = trained_,
            .segments = segments_[branch],
            .policy_T = batch_.policy_logprobs_T,
            .proximal_T = batch_.proximal_logprobs_T,
            .advantages_T = advantages_T_};
  }

  // omega_t c_t, 0 for tokens that are not selected.
  std::vector<double> SurrogateWeights() {
    std::vector<double> weights_T = weights_T_;
    std::vector<double> factors_T =
        MismatchFactors(spec_.mismatch(), trained_, batch_.proximal_logprobs_T, batch_.behavior_logprobs_T);
    if (spec_.mismatch().normalize()) {
      for (double& factor : factors_T) factor /= statistics_.mean_mismatch_weight;
    }
    const std::vector<uint8_t> selected_T =
        SelectTokens(spec_.selection(), trained_, batch_, advantages_T_, statistics_.entropy_threshold);
    for (size_t t = 0; t < weights_T.size(); ++t) weights_T[t] *= selected_T[t] ? factors_T[t] : 0;
    AddFactorMetrics(trained_, factors_T, selected_T, &result_.sums);
    return weights_T;
  }

  // Entropies of a reader and the cells that hold their statistics.
  struct Entropies {
    std::vector<double> entropies_T;
    std::vector<EntropyCell> cells;
  };

  Entropies EntropiesOf(EntropyReader reader) const {
    Entropies result;
    const std::optional<EntropyReading> reading = ReadingOf(spec_, reader);
    if (!reading) return result;
    result.entropies_T = TokenEntropies(reading->source, batch_);
    if (reading->scope != cohort::v1::STATISTIC_SCOPE_RESPONSE) {
      result.cells = statistics_.entropy_cells[reader];
      return result;
    }
    result.cells.resize(trained_.sequences_S.size());
    if (reader == kMixEntropy) {
      AddTokens(reading->scope, trained_, result.entropies_T, &result.cells);
    } else {
      const int index = reader == kFirstBranchEntropy ? 0 : 1;
      AddToClipCells(spec_.branches(index), trained_, segments_[index], result.entropies_T, &result.cells);
    }
    return result;
  }

  ClipRange RangeOf(int branch) const {
    const Entropies entropies = EntropiesOf(branch == 0 ? kFirstBranchEntropy : kSecondBranchEntropy);
    return FindClipRange(spec_.branches(branch), trained_, segments_[branch], entropies.entropies_T, entropies.cells);
  }

  void AddSurrogates(const std::vector<double>& weights_T) {
    if (spec_.branches_size() == 1) return AddBranch(0, weights_T);
    const Entropies entropies = EntropiesOf(kMixEntropy);
    const std::vector<double> mix_T = MixWeights(spec_.mix(), trained_, entropies.entropies_T, entropies.cells);
    double sum_mix = 0;
    for (size_t t = 0; t < mix_T.size(); ++t) sum_mix += trained_.mask_T[t] ? mix_T[t] : 0;
    result_.sums["sum_mix_weight"] = sum_mix;
    if (spec_.mix().form() == MixSpec::FORM_RATIO) return AddMixed(mix_T, weights_T);
    std::vector<double> first_T = weights_T;
    std::vector<double> second_T = weights_T;
    for (size_t t = 0; t < mix_T.size(); ++t) {
      first_T[t] *= mix_T[t];
      second_T[t] *= 1 - mix_T[t];
    }
    AddBranch(0, first_T);
    AddBranch(1, second_T);
  }

  void AddBranch(int branch, const std::vector<double>& weights_T) {
    const RatioInputs<Real> inputs = Inputs(branch);
    const SurrogateLoss surrogate =
        AddSurrogate<Real>(spec_.branches(branch), inputs, RangeOf(branch), weights_T, result_.gradient_T);
    AddPolicyLoss(surrogate.loss);
    AddBranchMetrics(surrogate.statistics, branch == 0 ? "" : "_branch2", &result_.sums);
  }

  void AddMixed(const std::vector<double>& mix_T, const std::vector<double>& weights_T) {
    const RatioInputs<Real> first_inputs = Inputs(0);
    const RatioInputs<Real> second_inputs = Inputs(1);
    const ClipRange first_range = RangeOf(0);
    const ClipRange second_range = RangeOf(1);
    const MixedLoss mixed =
        AddMixedRatio<Real>({.branch = spec_.branches(0), .inputs = first_inputs, .range = first_range},
                            {.branch = spec_.branches(1), .inputs = second_inputs, .range = second_range}, mix_T,
                            weights_T, result_.gradient_T);
    AddPolicyLoss(mixed.loss);
    AddBranchMetrics(mixed.first, "", &result_.sums);
    AddBranchMetrics(mixed.second, "_branch2", &result_.sums);
  }

  void AddPolicyLoss(double loss) {
    result_.loss += loss;
    result_.sums["sum_surrogate_loss"] += loss;
  }

  void AddKl() {
    const RatioInputs<Real> inputs = Inputs(0);
    const KlLoss kl = AddReferenceKl<Real>(spec_.kl(), spec_.branches(0), inputs, batch_.reference_logprobs_T,
                                           weights_T_, result_.gradient_T);
    result_.loss += kl.loss;
    result_.sums["sum_kl_loss"] = kl.loss;
    result_.sums["sum_reference_kl"] = kl.sum_kl;
  }

  void AddEntropyBonus() {
    double sum = 0;
    result_.entropy_gradient_T.reserve(weights_T_.size());
    for (size_t t = 0; t < weights_T_.size(); ++t) {
      const double weight = -spec_.entropy_coefficient() * weights_T_[t];
      sum += weight * batch_.policy_entropies_T[t];
      result_.entropy_gradient_T.push_back(static_cast<Real>(weight));
    }
    result_.loss += sum;
    result_.sums["sum_entropy_loss"] = sum;
  }

  const ObjectiveSpec& spec_;
  const TokenBatch<Real>& batch_;
  const UpdateStatistics& statistics_;
  const TrainedTokens trained_;
  std::vector<Segments> segments_;  // one per branch
  std::vector<double> weights_T_;   // omega
  std::vector<double> advantages_T_;
  LossAndGradient<Real> result_;
};

}  // namespace

template <typename Real>
LossAndGradient<Real> RolloutLoss(const ObjectiveSpec& spec, const TokenBatch<Real>& batch,
                                  const UpdateStatistics& statistics) {
  return LossPipeline<Real>(spec, batch, statistics).Rollouts();
}

template <typename Real>
LossAndGradient<Real> DemonstrationLoss(const ObjectiveSpec& spec, const TokenBatch<Real>& batch,
                                        const UpdateStatistics& statistics) {
  return LossPipeline<Real>(spec, batch, statistics).Demonstrations();
}

template LossAndGradient<float> RolloutLoss(const ObjectiveSpec&, const TokenBatch<float>&, const UpdateStatistics&);
template LossAndGradient<double> RolloutLoss(const ObjectiveSpec&, const TokenBatch<double>&, const UpdateStatistics&);
template LossAndGradient<float> DemonstrationLoss(const ObjectiveSpec&, const TokenBatch<float>&,
                                                  const UpdateStatistics&);
template LossAndGradient<double> DemonstrationLoss(const ObjectiveSpec&, const TokenBatch<double>&,
                                                   const UpdateStatistics&);

}  // namespace cohort::objective
