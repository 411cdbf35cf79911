// SPDX-License-Identifier: Apache-2.0
// Loss and gradient of every variant against automatic differentiation of the definition, written out in tensor
// operations, fp64, on random ragged updates with holes in the mask. The one test of this room that links LibTorch.
// Size: the definition of every axis, in one place and apart from the code that it checks.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "objective/objective.h"
#include "objective/testing/owned_batch.h"
#include "objective/testing/random_batch.h"
#include "objective/testing/specs.h"
#include "objective/testing/variants.h"

namespace cohort::objective {
namespace {

using cohort::v1::KlSpec;
using cohort::v1::MismatchSpec;
using cohort::v1::MixSpec;
using cohort::v1::ObjectiveSpec;
using cohort::v1::RatioBranch;

constexpr int kNumGroups = 3;
constexpr double kTolerance = 1e-10;

// An update as flat lists.
struct Update {
  std::vector<double> x, o, b, f, policy_entropy, proximal_entropy, advantage, mask;
  std::vector<int> sequence, group;
  std::vector<int> subsentence, item;  // ids, unique over the update
  int num_sequences = 0;

  size_t size() const { return x.size(); }
};

void Append(const std::vector<double>& from, std::vector<double>* to) {
  to->insert(to->end(), from.begin(), from.end());
}

std::vector<int> SegmentIds(const std::vector<int64_t>& ends, int* next_id) {
  std::vector<int> ids;
  for (const int64_t end : ends) ids.resize(static_cast<size_t>(end), (*next_id)++);
  return ids;
}

Update Flatten(const std::vector<OwnedSequence>& sequences, bool drop_truncated) {
  Update update;
  int next_subsentence = 0;
  int next_item = 0;
  for (const OwnedSequence& sequence : sequences) {
    Append(sequence.policy, &update.x);
    Append(sequence.proximal, &update.o);
    Append(sequence.behavior, &update.b);
    Append(sequence.reference, &update.f);
    Append(sequence.policy_entropy, &update.policy_entropy);
    Append(sequence.proximal_entropy, &update.proximal_entropy);
    for (const int id : SegmentIds(sequence.subsentence_ends, &next_subsentence)) update.subsentence.push_back(id);
    for (const int id : SegmentIds(sequence.item_ends, &next_item)) update.item.push_back(id);
    for (size_t t = 0; t < sequence.policy.size(); ++t) {
      update.sequence.push_back(update.num_sequences);
      update.group.push_back(static_cast<int>(sequence.group));
      update.advantage.push_back(sequence.token_advantages.empty() ? sequence.advantage : sequence.token_advantages[t]);
      const bool is_dropped = drop_truncated && sequence.is_truncated;
      update.mask.push_back(is_dropped || sequence.mask[t] == 0 ? 0 : 1);
    }
    ++update.num_sequences;
  }
  return update;
}

// The id of each token's segment.
std::vector<int> Partition(const Update& update, cohort::v1::SegmentLevel level) {
  if (level == cohort::v1::SEGMENT_LEVEL_SUBSENTENCE) return update.subsentence;
  if (level == cohort::v1::SEGMENT_LEVEL_ITEM) return update.item;
  if (level == cohort::v1::SEGMENT_LEVEL_RESPONSE) return update.sequence;
  std::vector<int> ids;
  for (size_t t = 0; t < update.size(); ++t) ids.push_back(static_cast<int>(t));
  return ids;
}

// Sum of value over the trained tokens with the same key as token t.
double SumAlike(const Update& update, const std::vector<int>& keys, size_t t, const std::vector<double>& values) {
  double sum = 0;
  for (size_t u = 0; u < update.size(); ++u) sum += keys[u] == keys[t] ? update.mask[u] * values[u] : 0;
  return sum;
}

double CountAlike(const Update& update, const std::vector<int>& keys, size_t t) {
  return SumAlike(update, keys, t, std::vector<double>(update.size(), 1.0));
}

std::vector<int> ScopeKeys(const Update& update, cohort::v1::StatisticScope scope) {
  if (scope == cohort::v1::STATISTIC_SCOPE_RESPONSE) return update.sequence;
  if (scope == cohort::v1::STATISTIC_SCOPE_GROUP) return update.group;
  return std::vector<int>(update.size(), 0);
}

std::vector<double> Entropies(const Update& update, cohort::v1::EntropySource source) {
  if (source != cohort::v1::ENTROPY_SOURCE_SURPRISAL) return update.proximal_entropy;
  std::vector<double> surprisals;
  for (const double logprob : update.o) surprisals.push_back(-logprob);
  return surprisals;
}

std::vector<double> Omega(const ObjectiveSpec& spec, const Update& update) {
  const std::vector<int> segments = Partition(update, spec.branches(0).level());
  const std::vector<int> all(update.size(), 0);
  const double n = update.num_sequences;
  std::vector<double> omega;
  for (size_t t = 0; t < update.size(); ++t) {
    if (update.mask[t] == 0) {
      omega.push_back(0);
      continue;
    }
    std::set<int> trained_segments;
    for (size_t u = 0; u < update.size(); ++u) {
      if (update.sequence[u] == update.sequence[t] && update.mask[u] > 0) trained_segments.insert(segments[u]);
    }
    switch (spec.loss_reduction()) {
      case cohort::v1::LOSS_REDUCTION_TOKEN_MEAN:
        omega.push_back(1 / CountAlike(update, all, t));
        break;
      case cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_MEAN:
        omega.push_back(1 / (n * CountAlike(update, update.sequence, t)));
        break;
      case cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM:
        omega.push_back(1 / n);
        break;
      case cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_TOKEN_SUM_NORM:
        omega.push_back(1 / (n * static_cast<double>(spec.normalization_tokens())));
        break;
      case cohort::v1::LOSS_REDUCTION_GROUP_TOKEN_MEAN:
        omega.push_back(1 / (kNumGroups * CountAlike(update, update.group, t)));
        break;
      case cohort::v1::LOSS_REDUCTION_SEQUENCE_MEAN_SEGMENT_MEAN:
        omega.push_back(1 / (n * static_cast<double>(trained_segments.size()) * CountAlike(update, segments, t)));
        break;
      case cohort::v1::LOSS_REDUCTION_ITEM_MEAN:
        omega.push_back(1 / (n * spec.advantage().item().num_items() * CountAlike(update, segments, t)));
        break;
      default:
        omega.push_back(1);
    }
  }
  return omega;
}

// c, selection included.
std::vector<double> Factors(const ObjectiveSpec& spec, const Update& update) {
  const MismatchSpec& mismatch = spec.mismatch();
  std::vector<double> differences;
  for (size_t t = 0; t < update.size(); ++t) differences.push_back(update.o[t] - update.b[t]);
  std::vector<double> factors(update.size(), 1.0);
  for (size_t t = 0; t < update.size() && mismatch.correction() != MismatchSpec::CORRECTION_NONE; ++t) {
    double log_weight = differences[t];
    if (mismatch.level() != MismatchSpec::LEVEL_TOKEN) log_weight = SumAlike(update, update.sequence, t, differences);
    const double count = CountAlike(update, update.sequence, t);
    if (mismatch.level() == MismatchSpec::LEVEL_SEQUENCE_MEAN && count > 0) log_weight /= count;
    const double weight = std::exp(std::clamp(log_weight, -20.0, 20.0));
    const bool is_inside = weight >= mismatch.low() && weight <= mismatch.cap();
    factors[t] = mismatch.correction() == MismatchSpec::CORRECTION_TRUNCATE ? std::min(weight, mismatch.cap())
                 : is_inside                                                ? weight
                                                                            : 0;
  }
  if (mismatch.normalize()) {
    double sum = 0;
    double count = 0;
    std::set<int> seen;
    for (size_t t = 0; t < update.size(); ++t) {
      if (update.mask[t] == 0) continue;
      if (mismatch.level() != MismatchSpec::LEVEL_TOKEN && !seen.insert(update.sequence[t]).second) continue;
      sum += factors[t];
      count += 1;
    }
    for (double& factor : factors) factor /= sum / count;
  }
  const cohort::v1::SelectionSpec& selection = spec.selection();
  if (selection.top_entropy_share() < 1) {
    std::vector<double> sorted;
    for (size_t t = 0; t < update.size(); ++t) {
      if (update.mask[t] > 0) sorted.push_back(update.proximal_entropy[t]);
    }
    std::sort(sorted.begin(), sorted.end());
    // The quantile between two order statistics, as numpy and torch interpolate it.
    const double position = (1 - selection.top_entropy_share()) * static_cast<double>(sorted.size() - 1);
    const size_t below = static_cast<size_t>(position);
    const double rest = position - static_cast<double>(below);
    const double quantile = rest < 1e-9 ? sorted[below] : sorted[below] + rest * (sorted[below + 1] - sorted[below]);
    for (size_t t = 0; t < update.size(); ++t) factors[t] *= update.proximal_entropy[t] >= quantile ? 1 : 0;
  }
  if (selection.has_off_policy_threshold()) {
    std::vector<double> drift;
    for (size_t t = 0; t < update.size(); ++t) drift.push_back(update.b[t] - update.x[t]);
    for (size_t t = 0; t < update.size(); ++t) {
      const double mean = SumAlike(update, update.sequence, t, drift) / CountAlike(update, update.sequence, t);
      const bool is_bad = SumAlike(update, update.sequence, t, update.advantage) < 0;
      if (is_bad && mean > selection.off_policy_threshold()) factors[t] = 0;
    }
  }
  return factors;
}

// lo and hi of every token.
std::pair<std::vector<double>, std::vector<double>> Bounds(const RatioBranch& branch, const Update& update) {
  std::vector<double> lo(update.size(), 1 - branch.clip_low());
  std::vector<double> hi(update.size(), 1 + branch.clip_high());
  if (branch.adaptation() == cohort::v1::CLIP_ADAPTATION_NONE ||
      branch.adaptation() == cohort::v1::CLIP_ADAPTATION_UNSPECIFIED) {
    return {lo, hi};
  }
  const std::vector<double> entropies = Entropies(update, branch.entropy_source());
  const std::vector<int> scope = ScopeKeys(update, branch.adaptation_scope());
  std::vector<int> units = Partition(update, branch.level());
  if (branch.per_token_bounds()) units = Partition(update, cohort::v1::SEGMENT_LEVEL_TOKEN);
  std::vector<double> unit_entropy(update.size(), 0.0);
  for (size_t t = 0; t < update.size(); ++t) {
    if (update.mask[t] > 0) unit_entropy[t] = SumAlike(update, units, t, entropies) / CountAlike(update, units, t);
  }
  for (size_t t = 0; t < update.size(); ++t) {
    if (update.mask[t] == 0) continue;
    double kappa = unit_entropy[t] / (SumAlike(update, scope, t, entropies) / CountAlike(update, scope, t));
    if (branch.adaptation() == cohort::v1::CLIP_ADAPTATION_TANH_Z) {
      std::vector<double> values;  // one per unit of the scope
      std::set<int> seen;
      for (size_t u = 0; u < update.size(); ++u) {
        if (update.mask[u] > 0 && scope[u] == scope[t] && seen.insert(units[u]).second)
          values.push_back(unit_entropy[u]);
      }
      double mean = 0;
      for (const double value : values) mean += value / static_cast<double>(values.size());
      double variance = 0;
      for (const double value : values)
        variance += (value - mean) * (value - mean) / static_cast<double>(values.size());
      kappa = 1 + branch.tanh_alpha() * std::tanh((unit_entropy[t] - mean) / (std::sqrt(variance) + 1e-8));
    }
    kappa = std::clamp(kappa, branch.kappa_min(), branch.kappa_max());
    const bool is_log = branch.adaptation() == cohort::v1::CLIP_ADAPTATION_LOG;
    hi[t] = is_log ? std::pow(1 + branch.clip_high(), kappa) : 1 + branch.clip_high() * kappa;
    if (branch.adaptation() == cohort::v1::CLIP_ADAPTATION_UPPER_ONLY) continue;
    lo[t] = is_log ? std::pow(1 + branch.clip_low(), -kappa) : 1 - branch.clip_low() * kappa;
  }
  return {lo, hi};
}

std::vector<double> MixWeight(const MixSpec& mix, const Update& update) {
  std::vector<double> weights(update.size(), 0.5);
  if (mix.weighting() != MixSpec::WEIGHTING_ENTROPY) return weights;
  const std::vector<double> entropies = Entropies(update, mix.entropy_source());
  const std::vector<int> scope = ScopeKeys(update, mix.scope());
  for (size_t t = 0; t < update.size(); ++t) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (size_t u = 0; u < update.size(); ++u) {
      if (update.mask[u] == 0 || scope[u] != scope[t]) continue;
      low = std::min(low, entropies[u]);
      high = std::max(high, entropies[u]);
    }
    if (!(high > low)) continue;
    const double weight = (entropies[t] - low) / (high - low);
    weights[t] = mix.invert() ? 1 - weight : weight;
  }
  return weights;
}

// The definition as tensors.
class Definition final {
 public:
  Definition(const ObjectiveSpec& spec, const Update& update)
      : spec_(spec),
        update_(update),
        x_T_(at::tensor(update.x, at::kDouble).requires_grad_(true)),
        h_T_(at::tensor(update.policy_entropy, at::kDouble).requires_grad_(true)),
        o_T_(at::tensor(update.o, at::kDouble)),
        m_T_(at::tensor(update.mask, at::kDouble)),
        a_T_(at::tensor(update.advantage, at::kDouble)) {
    if (HasKl(KlSpec::PLACEMENT_REWARD)) {
      a_T_ = a_T_ - spec.kl().coefficient() * Kl(o_T_ - at::tensor(update.f, at::kDouble)).detach();
    }
  }

  at::Tensor Loss() {
    const at::Tensor omega_T = at::tensor(Omega(spec_, update_), at::kDouble) * m_T_;
    const at::Tensor c_T = at::tensor(Factors(spec_, update_), at::kDouble);
    at::Tensor loss = -(omega_T * c_T * Utility()).sum();
    if (HasKl(KlSpec::PLACEMENT_LOSS)) {
      at::Tensor k_T = Kl(x_T_ - at::tensor(update_.f, at::kDouble));
      if (spec_.kl().importance_weighted()) k_T = k_T * Ratio(spec_.branches(0));
      loss = loss + spec_.kl().coefficient() * (omega_T * k_T).sum();
    }
    return loss - spec_.entropy_coefficient() * (omega_T * h_T_).sum();
  }

  at::Tensor x_T() const { return x_T_; }
  at::Tensor h_T() const { return h_T_; }

 private:
  bool HasKl(KlSpec::Placement placement) const {
    return spec_.kl().coefficient() > 0 && spec_.kl().placement() == placement;
  }

  // rho of every token's segment.
  at::Tensor Ratio(const RatioBranch& branch) const {
    at::Tensor phi_T = at::clamp(x_T_ - o_T_, -20, 20);
    if (branch.has_token_log_clip()) {
      const at::Tensor limit_T = at::full_like(phi_T, branch.token_log_clip());
      phi_T =
          at::where(a_T_ > 0, at::minimum(phi_T, limit_T), at::where(a_T_ < 0, at::maximum(phi_T, -limit_T), phi_T));
    }
    const std::vector<int> segments = Partition(update_, branch.level());
    std::vector<at::Tensor> ratios;
    for (size_t t = 0; t < update_.size(); ++t) {
      std::vector<double> alike(update_.size(), 0.0);
      for (size_t u = 0; u < update_.size(); ++u) alike[u] = segments[u] == segments[t] ? update_.mask[u] : 0;
      const at::Tensor alike_T = at::tensor(alike, at::kDouble);
      const double n = CountAlike(update_, segments, t);
      if (n == 0 || update_.mask[t] == 0) {
        ratios.push_back(at::full_like(x_T_[0].detach(), 1));
        continue;
      }
      const at::Tensor ratio = at::exp((alike_T * phi_T).sum() / n);
      const bool is_local = branch.flow() == cohort::v1::GRADIENT_FLOW_LOCAL && n > 1;
      ratios.push_back(is_local ? ratio.detach() * at::exp(x_T_[t] - x_T_[t].detach()) : ratio);
    }
    return at::stack(ratios);
  }

  at::Tensor Utility() const {
    if (spec_.branches_size() == 1) return Surrogate(spec_.branches(0));
    const at::Tensor w_T = at::tensor(MixWeight(spec_.mix(), update_), at::kDouble);
    if (spec_.mix().form() == MixSpec::FORM_SURROGATE) {
      return w_T * Surrogate(spec_.branches(0)) + (1 - w_T) * Surrogate(spec_.branches(1));
    }
    const at::Tensor one_T = Ratio(spec_.branches(0));
    const at::Tensor two_T = Ratio(spec_.branches(1));
    const at::Tensor mixed_T = w_T * one_T + (1 - w_T) * two_T;
    const at::Tensor clipped_T = w_T * Clip(spec_.branches(0), one_T) + (1 - w_T) * Clip(spec_.branches(1), two_T);
    return at::minimum(mixed_T * a_T_, clipped_T * a_T_);
  }

  at::Tensor Clip(const RatioBranch& branch, const at::Tensor& ratio_T) const {
    const auto [lo, hi] = Bounds(branch, update_);
    return at::minimum(at::maximum(ratio_T, at::tensor(lo, at::kDouble)), at::tensor(hi, at::kDouble));
  }

  at::Tensor Surrogate(const RatioBranch& branch) const {
    const at::Tensor ratio_T = Ratio(branch);
    switch (branch.kind()) {
      case cohort::v1::SURROGATE_KIND_CISPO:
        return Clip(branch, ratio_T).detach() * a_T_ * x_T_;
      case cohort::v1::SURROGATE_KIND_SAPO: {
        const at::Tensor tau_T =
            at::where(a_T_ > 0, at::full_like(a_T_, branch.tau_positive()), at::full_like(a_T_, branch.tau_negative()));
        return 4 / tau_T * at::sigmoid(tau_T * (ratio_T - 1)) * a_T_;
      }
      case cohort::v1::SURROGATE_KIND_UNCLIPPED:
        return ratio_T * a_T_;
      default:
        break;
    }
    const at::Tensor unclipped_T = branch.has_delta() ? at::clamp_max(ratio_T, branch.delta()) : ratio_T;
    at::Tensor u_T = at::minimum(unclipped_T * a_T_, Clip(branch, ratio_T) * a_T_);
    if (branch.has_dual_clip()) u_T = at::where(a_T_ < 0, at::maximum(u_T, branch.dual_clip() * a_T_), u_T);
    return u_T;
  }

  at::Tensor Kl(const at::Tensor& d_T) const {
    const at::Tensor k2_T = d_T * d_T / 2;
    const at::Tensor k3_T = at::clamp_max(at::expm1(-d_T) + d_T, 10);
    switch (spec_.kl().estimator()) {
      case KlSpec::ESTIMATOR_K1:
        return d_T;
      case KlSpec::ESTIMATOR_ABS:
        return at::abs(d_T);
      case KlSpec::ESTIMATOR_K2:
        return k2_T;
      case KlSpec::ESTIMATOR_K1_PLUS:
        return k2_T + (d_T - k2_T).detach();
      case KlSpec::ESTIMATOR_K3_PLUS:
        return k2_T + (k3_T - k2_T).detach();
      default:
        return k3_T;
    }
  }

  const ObjectiveSpec& spec_;
  const Update& update_;
  at::Tensor x_T_;
  at::Tensor h_T_;
  at::Tensor o_T_;
  at::Tensor m_T_;
  at::Tensor a_T_;
};

class ObjectiveAutogradTest : public testing::TestWithParam<Variant> {};

INSTANTIATE_TEST_SUITE_P(Variants, ObjectiveAutogradTest, testing::ValuesIn(AllVariants()),
                         [](const auto& info) { return info.param.name; });

TEST_P(ObjectiveAutogradTest, LossAndGradientAreThoseOfTheDefinition) {
  const auto objective = MakeObjective(GetParam().preset, GetParam().overrides);
  const ObjectiveSpec& spec = objective->spec();
  for (uint32_t seed = 0; seed < 6; ++seed) {
    const std::vector<OwnedSequence> sequences =
        RandomSequences(seed, {.num_groups = kNumGroups,
                               .group_size = 2,
                               .max_tokens = 12,
                               .has_token_advantages = GetParam().has_token_advantages});
    const Update update = Flatten(sequences, spec.selection().drop_truncated());
    const auto found = Evaluate<double>(*objective, sequences, kNumGroups);
    ASSERT_TRUE(found.ok()) << found.status();
    Definition definition(spec, update);
    const at::Tensor loss = definition.Loss();
    loss.backward();
    EXPECT_NEAR(found->loss, loss.item<double>(), kTolerance) << seed;
    const at::Tensor gradient_T = definition.x_T().grad();
    for (size_t t = 0; t < update.size(); ++t) {
      const double expected = gradient_T.defined() ? gradient_T[static_cast<int64_t>(t)].item<double>() : 0;
      EXPECT_NEAR(found->gradient_T[t], expected, kTolerance) << "seed " << seed << " token " << t;
    }
    if (spec.entropy_coefficient() == 0) continue;
    for (size_t t = 0; t < update.size(); ++t) {
      EXPECT_NEAR(found->entropy_gradient_T[t], definition.h_T().grad()[static_cast<int64_t>(t)].item<double>(),
                  kTolerance);
    }
  }
}

}  // namespace
}  // namespace cohort::objective
