// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_ARCHITECTURES_PARAMETER_SPEC_H_
#define COHORT_MODEL_ARCHITECTURES_PARAMETER_SPEC_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <vector>

namespace cohort::model {

// One parameter that an architecture expects.
struct ParameterSpec {
  // How it is initialised: drawn from a normal distribution, all 1, or all 0.
  enum class Kind { kMatrix, kNorm, kBias };

  std::string name;  // Hugging Face name
  std::vector<int64_t> shape;
  Kind kind = Kind::kMatrix;
  int64_t layer = -1;  // that it belongs to; -1: to none, as the embedding

  int64_t NumElements() const {
    int64_t count = 1;
    for (const int64_t dim : shape) count *= dim;
    return count;
  }
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_ARCHITECTURES_PARAMETER_SPEC_H_
