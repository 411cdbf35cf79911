// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_FLOAT_ROWS_H_
#define COHORT_MODEL_LAYERS_FLOAT_ROWS_H_

#include <ATen/core/Tensor.h>

#include "model/layers/bf16_values.h"
#include "model/layers/layer_loops.h"

namespace cohort::model {

// Some rows of a contiguous tensor on the CPU as fp32 for a loop to read: where they lie, or a widened copy when the
// tensor is bf16. Used by one thread; the tensor must outlive it, and no gradients are recorded.
class FloatRows final {
 public:
  FloatRows(const at::Tensor& tensor, LoopRange rows) {
    if (IsBf16(tensor)) {
      copy_ = tensor.detach().narrow(0, rows.first, rows.last - rows.first).to(at::kFloat);
      data_ = copy_.const_data_ptr<float>();
    } else {
      data_ = tensor.const_data_ptr<float>() + rows.first * tensor.stride(0);
    }
  }

  const float* data() const { return data_; }

 private:
  at::Tensor copy_;  // undefined in fp32
  const float* data_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_FLOAT_ROWS_H_
