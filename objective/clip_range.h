// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_CLIP_RANGE_H_
#define COHORT_OBJECTIVE_CLIP_RANGE_H_

#include <span>
#include <vector>

#include "cohort/v1/objective_spec.pb.h"
#include "objective/segments.h"
#include "objective/trained_tokens.h"
#include "objective/update_statistics.h"

namespace cohort::objective {

// Where a ratio is left alone: [1 - low, 1 + high]. One range, or one per unit, which is a segment or a token.
struct ClipRange {
  double low = 0;
  double high = 0;
  bool is_per_token = false;
  std::vector<double> low_units;  // empty: one range for all
  std::vector<double> high_units;
};

// Bounds that follow entropy (SSPO, arXiv 2511.04256; its formula could not be read). H is that of the unit: the mean
// over the segment, or the token's own with per_token_bounds.
//
//   linear      kappa = clamp(H / mean H, kappa_min, kappa_max);     low = eps_lo kappa, high = eps_hi kappa
//   upper_only  the same, low = eps_lo
//   log         the same; bounds exp(-ln(1 + eps_lo) kappa), exp(ln(1 + eps_hi) kappa)
//   tanh_z      kappa = clamp(1 + alpha tanh((H - mean) / (std + 1e-8)), kappa_min, kappa_max); as linear
//
// mean H of linear and log is over the trained tokens of the scope, mean and population std of tanh_z over its units.
// kappa is 1 where the mean or the std is 0. `cells` are the scope's: of the update, or of the microbatch's sequences
// for scope RESPONSE. Bounds carry no gradient. Pure.
ClipRange FindClipRange(const cohort::v1::RatioBranch& branch, const TrainedTokens& trained, const Segments& segments,
                        std::span<const double> entropies_T, std::span<const EntropyCell> cells);

// Adds what FindClipRange needs of a microbatch to the cells of its scope.
void AddToClipCells(const cohort::v1::RatioBranch& branch, const TrainedTokens& trained, const Segments& segments,
                    std::span<const double> entropies_T, std::vector<EntropyCell>* cells);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_CLIP_RANGE_H_
