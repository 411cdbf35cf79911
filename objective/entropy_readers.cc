// SPDX-License-Identifier: Apache-2.0
#include "objective/entropy_readers.h"

namespace cohort::objective {

std::optional<EntropyReading> ReadingOf(const cohort::v1::ObjectiveSpec& spec, EntropyReader reader) {
  if (reader == kMixEntropy) {
    if (spec.mix().weighting() != cohort::v1::MixSpec::WEIGHTING_ENTROPY) return std::nullopt;
    return EntropyReading{.source = spec.mix().entropy_source(), .scope = spec.mix().scope()};
  }
  const int index = reader == kFirstBranchEntropy ? 0 : 1;
  if (index >= spec.branches_size()) return std::nullopt;
  const cohort::v1::RatioBranch& branch = spec.branches(index);
  if (branch.adaptation() == cohort::v1::CLIP_ADAPTATION_UNSPECIFIED ||
      branch.adaptation() == cohort::v1::CLIP_ADAPTATION_NONE) {
    return std::nullopt;
  }
  return EntropyReading{.source = branch.entropy_source(), .scope = branch.adaptation_scope()};
}

}  // namespace cohort::objective
