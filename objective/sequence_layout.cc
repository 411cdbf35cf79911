// SPDX-License-Identifier: Apache-2.0
#include "objective/sequence_layout.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "objective/sentence_segmenter.h"

namespace cohort::objective {
namespace {

using cohort::v1::AdvantageSpec;
using cohort::v1::ItemAdvantageSpec;

bool HasLevel(const cohort::v1::ObjectiveSpec& spec, cohort::v1::SegmentLevel level) {
  return std::any_of(spec.branches().begin(), spec.branches().end(),
                     [level](const auto& branch) { return branch.level() == level; });
}

// A list with its tokens in bins: items 0..N-1, N for what comes after, kNoItem.
struct Bins {
  std::vector<int32_t> bin_T;
  int32_t num_items = 0;
  bool has_overflow = false;
};

// Past item N everything shares one bin, also blank lines in between; EOS outside a list's lines stays outside.
Bins BinItems(const ItemIds& ids, int32_t max_items, bool ends_with_eos) {
  Bins bins{.bin_T = ids.item_T, .num_items = ids.num_items};
  for (size_t t = 0; t < bins.bin_T.size(); ++t) {
    const bool is_eos = ends_with_eos && t + 1 == bins.bin_T.size();
    if (bins.bin_T[t] >= max_items || (bins.has_overflow && !(is_eos && bins.bin_T[t] == kNoItem))) {
      bins.bin_T[t] = max_items;
      bins.has_overflow = true;
    }
  }
  return bins;
}

std::vector<int64_t> EndsOf(const Bins& bins, bool ends_with_eos) {
  std::vector<int64_t> ends;
  const int64_t num_tokens = static_cast<int64_t>(bins.bin_T.size());
  for (int64_t t = 1; t <= num_tokens; ++t) {
    const bool is_before_eos = ends_with_eos && t + 1 == num_tokens && bins.bin_T[t] == kNoItem;
    if (t == num_tokens || is_before_eos || bins.bin_T[t] != bins.bin_T[t - 1]) ends.push_back(t);
  }
  return ends;
}

// Shaping of EOS: by the length of a list that ended by itself without overflow.
double EosShaping(const ItemAdvantageSpec& spec, const Bins& bins) {
  if (bins.num_items < spec.num_items()) return spec.short_shaping();
  return bins.has_overflow ? 0 : spec.complete_shaping();
}

std::vector<double> AdvantagesOf(const ItemAdvantageSpec& spec, const std::vector<double>& item_advantages,
                                 const Bins& bins, bool ends_with_eos) {
  std::vector<double> advantages(bins.bin_T.size(), 0.0);
  if (item_advantages.empty()) return advantages;  // no verdict, no credit
  for (size_t t = 0; t < advantages.size(); ++t) {
    const bool is_eos = ends_with_eos && t + 1 == advantages.size();
    if (bins.bin_T[t] == spec.num_items()) {
      advantages[t] = spec.overflow_shaping();
    } else if (is_eos) {
      advantages[t] = EosShaping(spec, bins);
    } else if (bins.bin_T[t] != kNoItem) {
      advantages[t] = item_advantages[bins.bin_T[t]];
    }
  }
  return advantages;
}

std::vector<uint8_t> MaskOf(const ItemAdvantageSpec& spec, const Bins& bins, bool ends_with_eos) {
  if (spec.train_outside_items()) return {};
  std::vector<uint8_t> mask;
  for (const int32_t bin : bins.bin_T) mask.push_back(bin != kNoItem && bin < spec.num_items());
  if (ends_with_eos && !mask.empty()) mask.back() = 0;
  return mask;
}

}  // namespace

absl::StatusOr<SequenceLayout> LayOutItems(const cohort::v1::ObjectiveSpec& spec, const SequenceCredit& credit,
                                           const ItemIds& ids, bool ends_with_eos) {
  const ItemAdvantageSpec& item = spec.advantage().item();
  const int64_t num_advantages = static_cast<int64_t>(credit.item_advantages.size());
  if (num_advantages != 0 && num_advantages != item.num_items()) {
    return absl::InvalidArgumentError(
        absl::StrCat("item_advantages: ", num_advantages, " for ", item.num_items(), " list positions"));
  }
  SequenceLayout layout;
  const Bins bins = BinItems(ids, item.num_items(), ends_with_eos);
  layout.token_advantages = AdvantagesOf(item, credit.item_advantages, bins, ends_with_eos);
  layout.mask = MaskOf(item, bins, ends_with_eos);
  if (HasLevel(spec, cohort::v1::SEGMENT_LEVEL_ITEM)) layout.item_ends = EndsOf(bins, ends_with_eos);
  return layout;
}

absl::StatusOr<SequenceLayout> LayOutSequence(const cohort::v1::ObjectiveSpec& spec, const SequenceCredit& credit,
                                              std::span<const std::string> token_texts, bool ends_with_eos) {
  SequenceLayout layout;
  if (spec.advantage().estimator() == AdvantageSpec::ESTIMATOR_ITEM) {
    const ItemIds ids = FindItems(spec.segmenter().item_reading(), token_texts, ends_with_eos);
    COHORT_ASSIGN_OR_RETURN(layout, LayOutItems(spec, credit, ids, ends_with_eos));
  }
  if (HasLevel(spec, cohort::v1::SEGMENT_LEVEL_SUBSENTENCE)) {
    layout.subsentence_ends = SentenceEnds(spec.segmenter(), token_texts, ends_with_eos);
  }
  return layout;
}

}  // namespace cohort::objective
