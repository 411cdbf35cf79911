// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_FLAT_PARAMETERS_H_
#define COHORT_LEARNER_FLAT_PARAMETERS_H_

// Shapes: P numbers of all parameters one behind the other, with gaps of zeros for alignment.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/architectures/parameter_spec.h"
#include "model/parameter_map.h"

namespace cohort::learner {

// The parameters of a policy as views of one fp32 buffer, their gradients as views of a second: one all-reduce, one
// norm and one optimizer pass instead of one per tensor. Each view starts on a 64-byte boundary, as a tensor of its own
// would, because matrix products may depend on the alignment of their operands. Not thread-safe.
class FlatParameters final {
 public:
  // Where one parameter lies in the buffers.
  struct Span {
    std::string name;
    int64_t offset = 0;
    int64_t size = 0;
    bool is_matrix = false;  // weight decay is for matrices
  };

  // Zeros in the shapes of `specs`, to be filled through parameters(). Throws nothing: RESOURCE_EXHAUSTED when memory
  // is short.
  static absl::StatusOr<std::unique_ptr<FlatParameters>> Create(const std::vector<model::ParameterSpec>& specs,
                                                                const at::Device& device);

  // The views; they require gradients and their gradients are in gradients_P.
  const model::ParameterMap& parameters() const { return parameters_; }
  const at::Tensor& weights_P() const { return weights_P_; }
  const at::Tensor& gradients_P() const { return gradients_P_; }
  const std::vector<Span>& spans() const { return spans_; }

  // View of a P-sized buffer as the parameters' tensors, by name.
  model::ParameterMap ViewsOf(const at::Tensor& buffer_P) const;

 private:
  FlatParameters() = default;

  at::Tensor weights_P_;
  at::Tensor gradients_P_;
  std::vector<Span> spans_;
  std::vector<std::vector<int64_t>> shapes_;
  model::ParameterMap parameters_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_FLAT_PARAMETERS_H_
