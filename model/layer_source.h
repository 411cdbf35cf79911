// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYER_SOURCE_H_
#define COHORT_MODEL_LAYER_SOURCE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace cohort::model {

// Where a decoder gets the parameters of its layers when they are not there all the time: a layer is acquired before it
// is computed with and released after that, one at a time. A training pass acquires the layers from the first to the
// last, then from the last to the first, and gives each one's gradients before it releases it; a pass without gradients
// acquires them once. Methods throw what LibTorch throws, and c10::Error for errors of their own, which end the pass;
// who owns the source asks it then what was wrong. Called by one thread at a time, by that of autograd in the backward
// pass.
class LayerSource {
 public:
  virtual ~LayerSource() = default;
  // Parameters of the layer in the architecture's order, contiguous fp32, valid until Release.
  virtual std::vector<at::Tensor> Acquire(int64_t layer) = 0;
  // Of the parameters of the layer that is acquired, in the same order; an undefined one is zero.
  virtual void AddGradients(int64_t layer, const std::vector<at::Tensor>& gradients) = 0;
  virtual void Release(int64_t layer) = 0;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYER_SOURCE_H_
