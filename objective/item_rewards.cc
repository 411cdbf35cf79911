// SPDX-License-Identifier: Apache-2.0
#include "objective/item_rewards.h"

#include <cmath>
#include <cstddef>

namespace cohort::objective {
namespace {

using cohort::v1::ItemAdvantageSpec;

// d_j of position index + 1; both forms give 1 at position 1.
double LogDiscount(size_t index) { return 1 / std::log2(static_cast<double>(index) + 2); }

}  // namespace

std::vector<double> ItemRewards(const ItemAdvantageSpec& spec, std::span<const double> hits) {
  const size_t num_items = static_cast<size_t>(spec.num_items());
  std::vector<double> rewards(num_items, 0.0);
  double later = 0;  // accumulated from the positions behind
  for (size_t i = num_items; i-- > 0;) {
    const double hit = i < hits.size() ? hits[i] : 0.0;
    switch (spec.accumulation()) {
      case ItemAdvantageSpec::ACCUMULATION_LOG_DECAY:
        later += hit * LogDiscount(i);
        break;
      case ItemAdvantageSpec::ACCUMULATION_EXP_GAMMA:
        later = hit + later / spec.gamma();
        break;
      default:
        later = hit;
    }
    rewards[i] = later;
  }
  return rewards;
}

}  // namespace cohort::objective
