// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_FLAT_PARAMETERS_H_
#define COHORT_LEARNER_FLAT_PARAMETERS_H_

// Shapes: P numbers of all parameters one behind the other, with gaps of zeros for alignment (learner/flat_layout.h); L
// those of them that this rank holds: all, unless layers are sharded; R those of neighbouring ones.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "learner/flat_layout.h"
#include "learner/parameter_selection.h"
#include "model/parameter_map.h"

namespace cohort::learner {

struct FlatParametersOptions {
  FlatLayoutOptions layout;
  bool is_frozen = false;  // no gradients
};

// The parameters of a policy as views of one fp32 buffer, their gradients as views of a second: one norm, one optimizer
// pass and a few large reductions instead of one per tensor. Each view starts on a 64-byte boundary, as a tensor of its
// own would, because matrix products may depend on the alignment of their operands. Where layers are sharded, a rank's
// buffers hold its pieces of them (learner/sharded_layers.h computes with those). Not thread-safe.
class FlatParameters final {
 public:
  // Zeros in the shapes of `selection`, to be filled through parameters() or SetWeights, laid out for the ranks of
  // `place`'s world. Throws nothing: RESOURCE_EXHAUSTED when memory is short.
  static absl::StatusOr<std::unique_ptr<FlatParameters>> Create(const std::vector<TrainedParameter>& selection,
                                                                const at::Device& device, const RankPlace& place = {},
                                                                const FlatParametersOptions& options = {});

  // The views of all parameters that this rank has whole; unless they are frozen they require gradients, which are in
  // gradients_L.
  const model::ParameterMap& parameters() const { return parameters_; }
  const at::Tensor& weights_L() const { return weights_L_; }
  const at::Tensor& gradients_L() const { return gradients_L_; }  // undefined when frozen
  const FlatLayout& layout() const { return layout_; }
  const RankPlace& place() const { return place_; }
  // Of a span of the layout.
  const std::vector<int64_t>& ShapeOf(size_t span) const { return shapes_[span]; }
  at::Device device() const { return weights_L_.device(); }
  // Which numbers of the layout the buffers hold.
  const PackedRanges& held() const { return held_; }
  // A range of the layout, all of which this rank holds in one piece, as a part of either buffer.
  at::Tensor HeldPart(const at::Tensor& buffer_L, const FlatRange& range) const;

  // Overwrites what this rank holds of parameter `span` of the layout, from all of its numbers, flat. Throws what
  // LibTorch throws.
  void SetWeights(size_t span, const at::Tensor& numbers);

  // View of a P-sized buffer as the parameters' tensors, by name.
  model::ParameterMap ViewsOf(const at::Tensor& buffer_P) const;
  // The same of a buffer that begins with the range of `spans`.
  model::ParameterMap ViewsOf(const at::Tensor& buffer_R, const SpanRange& spans) const;

 private:
  FlatParameters() = default;
  void AddViews(const FlatBucket& bucket);

  FlatLayout layout_;
  RankPlace place_;
  PackedRanges held_;
  at::Tensor weights_L_;
  at::Tensor gradients_L_;
  std::vector<std::vector<int64_t>> shapes_;
  model::ParameterMap parameters_;
};

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_FLAT_PARAMETERS_H_
