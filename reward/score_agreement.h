// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_SCORE_AGREEMENT_H_
#define COHORT_REWARD_SCORE_AGREEMENT_H_

#include <vector>

namespace cohort::reward {

// How alike two lists of scores are, 0 to 1: the alignment term of GroupRank (arXiv 2511.11653), one minus the
// Jensen-Shannon divergence of the lists taken as distributions.
//
//   P_i = p_i / sum p,  Q_i = q_i / sum q,  M = (P + Q) / 2        a list of zeros becomes the uniform distribution
//   JS  = (sum P_i log2(P_i / M_i) + sum Q_i log2(Q_i / M_i)) / 2   with 0 log2 0 = 0; from 0 to 1
//
// The paper states neither the normalisation nor the base of the logarithm; these make JS a share. Lists are of the
// same length, at least 1, without negative or non-finite scores. Pure, thread-safe.
double ScoreAgreement(const std::vector<double>& predicted, const std::vector<double>& gold);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_SCORE_AGREEMENT_H_
