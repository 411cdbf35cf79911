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
// divergence of x from o, of o from b, of x from f. Tensors that are empty contribute nothing.
template <typename Real>
void AddTokenMetrics(const TokenBatch<Real>& batch, const TrainedTokens& trained, std::span<const double> advantages_T,
                     MetricSums* sums);

// What the corrections made of the tokens: factors c before selection, and the selection.
void AddFactorMetrics(const TrainedTokens& trained, std::span<const double> factors_T,
                      std::span<const uint8_t> selected_T, MetricSums* sums);

// `suffix` is "" for the first branch, "_branch2" for the second.
void AddBranchMetrics(const BranchStatistics& statistics, const std::string& suffix, MetricSums* sums);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_TOKEN_METRICS_H_
