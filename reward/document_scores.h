// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_DOCUMENT_SCORES_H_
#define COHORT_REWARD_DOCUMENT_SCORES_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::reward {

// The scores that a reranking completion gives to documents 1 to n: the text in its last <answer> ... </answer> is a
// JSON list of n numbers, or an object from every document's number ("3" or "[3]") to its score. Numbers are from 0 to
// `max_score`. NOT_FOUND: no such tags. INVALID_ARGUMENT: what stands in them is something else; the message quotes it.
// `num_documents` is at least 1. Pure, thread-safe.
absl::StatusOr<std::vector<double>> ParseDocumentScores(std::string_view completion, int64_t num_documents,
                                                        double max_score);

// Documents in the order of their predicted scores, best first, as their gold scores. Of equal predictions the one with
// the lower gold score comes first: giving all documents one score earns nothing.
std::vector<double> GoldInPredictedOrder(const std::vector<double>& predicted, const std::vector<double>& gold);

}  // namespace cohort::reward

#endif  // COHORT_REWARD_DOCUMENT_SCORES_H_
