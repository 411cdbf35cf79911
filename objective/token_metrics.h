// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_TOKEN_METRICS_H_
#define COHORT_OBJECTIVE_TOKEN_METRICS_H_

#include <cstdint>
#include <span>
#include <string>

#include "objective/branch_statistics.h"
#include "objective/metric_sums.h"
#include "objective/token_batch.h"
#include "objective/trained_tokens.h"

namespace cohort::objective {

// Sums over the trained tokens of a microbatch of what does not depend on the objective: tokens, entropy, advantages,
// divergence of x from o and of x from f. Tensors that are empty contribute nothing.
template <typename Real>
void AddTokenMetrics(const TokenBatch<Real>& batch, const TrainedTokens& trained, std::span<const double> advantages_T,
                     MetricSums* sums);

// The same of the divergence of o from b: train-inference mismatch. Nothing where either is empty. Not to be asked
// where o = b is an assumption (mismatch.bypass): it would say 0 of what was not measured.
template <typename Real>
void AddMismatchMetrics(const TokenBatch<Real>& batch, const TrainedTokens& trained, MetricSums* sums);

// What the corrections made of the tokens: factors c before selection, and the selection.
void AddFactorMetrics(const TrainedTokens& trained, std::span<const double> factors_T,
                      std::span<const uint8_t> selected_T, MetricSums* sums);

// `suffix` is "" for the first branch, "_branch2" for the second.
void AddBranchMetrics(const BranchStatistics& statistics, const std::string& suffix, MetricSums* sums);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TOKEN_METRICS_H_
