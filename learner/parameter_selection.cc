// SPDX-License-Identifier: Apache-2.0
#include "learner/parameter_selection.h"

namespace cohort::learner {

std::vector<TrainedParameter> SelectParameters(const std::vector<model::ParameterSpec>& specs) {
  std::vector<TrainedParameter> selection;
  selection.reserve(specs.size());
  for (const model::ParameterSpec& spec : specs) {
    selection.push_back({.spec = spec, .is_decayed = spec.kind == model::ParameterSpec::Kind::kMatrix});
  }
  return selection;
}

}  // namespace cohort::learner
