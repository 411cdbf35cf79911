// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_RANKING_METRICS_H_
#define COHORT_REWARD_RANKING_METRICS_H_

#include <cstdint>
#include <vector>

namespace cohort::reward {

// Metrics of a ranked list, from its hits (1 or 0) in list order. Pure functions, thread-safe.
//
//   RECALL@k = (hits among the first k) / num_truths
//   DCG@k    = sum over i = 1 .. k of hit_i / log2(i + 1)
//   NDCG@k   = DCG@k / DCG@k of a list that begins with min(num_truths, ideal_length) hits
//
// With the length of the list as ideal length this is the evaluation of Rank-GRPO (arXiv 2510.20150), where a list of
// one hit is worth 1; with k it is the textbook's. An empty list is worth 0. num_truths, k and ideal_length are at
// least 1.

double RecallAt(const std::vector<int>& hits, int64_t num_truths, int64_t k);
double DcgAt(const std::vector<int>& hits, int64_t k);
double NdcgAt(const std::vector<int>& hits, int64_t num_truths, int64_t k, int64_t ideal_length);

// NDCG@k of a full ranking of documents, from their gains in list order: DCG@k over that of the gains in falling order.
// Gains are finite and not negative; when all are 0 the value is 0.
double GradedNdcgAt(const std::vector<double>& gains, int64_t k);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_RANKING_METRICS_H_
