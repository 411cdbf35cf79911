// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_OBJECTIVE_SEQUENCE_LAYOUT_H_
#define COHORT_OBJECTIVE_SEQUENCE_LAYOUT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cohort/v1/objective_spec.pb.h"
#include "objective/credit.h"
#include "objective/item_segmenter.h"

namespace cohort::objective {

// How one completion is cut into segments and how credit falls on its tokens: what BatchSequence points at. Vectors are
// empty where the sequence's advantage and "every token" say it all, and for levels that the objective does not use.
struct SequenceLayout {
  std::vector<double> token_advantages;
  std::vector<uint8_t> mask;
  std::vector<int64_t> subsentence_ends;
  std::vector<int64_t> item_ends;
};

// `token_texts` are the bytes of each completion token, EOS included, which may split a UTF-8 character; of the last
// one only its being there counts when `ends_with_eos`. Without token text (Objective::NeedsTokenText) the layout is
// empty. Pure; a function of the completion alone, so it can be made when a step is prepared.
absl::StatusOr<SequenceLayout> LayOutSequence(const cohort::v1::ObjectiveSpec& spec, const SequenceCredit& credit,
                                              std::span<const std::string> token_texts, bool ends_with_eos);

// The list part of it from item ids found elsewhere: token advantages, mask and ends by ITEM. `spec` has the estimator
// ITEM.
absl::StatusOr<SequenceLayout> LayOutItems(const cohort::v1::ObjectiveSpec& spec, const SequenceCredit& credit,
                                           const ItemIds& ids, bool ends_with_eos);

}  // namespace cohort::objective

#endif  // COHORT_OBJECTIVE_SEQUENCE_LAYOUT_H_
