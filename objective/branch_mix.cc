// SPDX-License-Identifier: Apache-2.0
#include "objective/branch_mix.h"

#include <cstddef>
#include <cstdint>

#include "objective/entropy_scope.h"

namespace cohort::objective {

std::vector<double> MixWeights(const cohort::v1::MixSpec& spec, const TrainedTokens& trained,
                               std::span<const double> entropies_T, std::span<const EntropyCell> cells) {
  std::vector<double> weights_T(trained.mask_T.size(), 0.5);
  if (spec.weighting() != cohort::v1::MixSpec::WEIGHTING_ENTROPY) return weights_T;
  for (size_t i = 0; i < trained.sequences_S.size(); ++i) {
    const EntropyCell& cell = cells[CellOf(spec.scope(), trained, static_cast<int64_t>(i))];
    const double span = cell.max - cell.min;
    if (!(span > 0)) continue;
    for (int64_t t = trained.cu_seqlens[i]; t < trained.cu_seqlens[i + 1]; ++t) {
      if (trained.mask_T[t] == 0) continue;
      const double weight = (entropies_T[t] - cell.min) / span;
      weights_T[t] = spec.invert() ? 1 - weight : weight;
    }
  }
  return weights_T;
}

}  // namespace cohort::objective
