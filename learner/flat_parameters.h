// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_FLAT_PARAMETERS_H_
#define COHORT_LEARNER_FLAT_PARAMETERS_H_

// Shapes: P numbers of all parameters one behind the other, with gaps of zeros for alignment (learner/flat_layout.h).
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "learner/flat_layout.h"
#include "learner/parameter_selection.h"
#include "model/parameter_map.h"

namespace cohort::learner {

// The parameters of a policy as views of one fp32 buffer, their gradients as views of a second: one norm, one optimizer
// pass and a few large reductions instead of one per tensor. Each view starts on a 64-byte boundary, as a tensor of its
// own would, because matrix products may depend on the alignment of their operands. Not thread-safe.
class FlatParameters final {
 public:
  // Zeros in the shapes of `selection`, to be filled through parameters(), laid out for the ranks of `place`'s world.
  // Throws nothing: RESOURCE_EXHAUSTED when memory is short.
  static absl::StatusOr<std::unique_ptr<FlatParameters>> Create(const std::vector<TrainedParameter>& selection,
                                                                const at::Device& device, const RankPlace& place = {},
                                                                int64_t bucket_numbers = kBucketNumbers);

  // The views; they require gradients and their gradients are in gradients_P.
  const model::ParameterMap& parameters() const { return parameters_; }
  const at::Tensor& weights_P() const { return weights_P_; }
  const at::Tensor& gradients_P() const { return gradients_P_; }
  const FlatLayout& layout() const { return layout_; }
  const RankPlace& place() const { return place_; }

  // View of a P-sized buffer as the parameters' tensors, by name.
  model::ParameterMap ViewsOf(const at::Tensor& buffer_P) const;

 private:
  FlatParameters() = default;

  FlatLayout layout_;
  RankPlace place_;
  at::Tensor weights_P_;
  at::Tensor gradients_P_;
  std::vector<std::vector<int64_t>> shapes_;
  model::ParameterMap parameters_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_FLAT_PARAMETERS_H_
