// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_LAYERS_ROUNDED_ROWS_H_
#define COHORT_MODEL_LAYERS_ROUNDED_ROWS_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "model/layers/bf16_values.h"
#include "model/layers/layer_loops.h"

namespace cohort::model {

// Some rows of a contiguous tensor on the CPU that a loop writes in fp32: where they lie, or beside them when the
// tensor is bf16, and then rounded into it. Used by one thread; the tensor must outlive it, and no gradients are
// recorded.
class RoundedRows final {
 public:
  RoundedRows(at::Tensor& tensor, LoopRange rows) {
    if (IsBf16(tensor)) {
      target_ = tensor.detach().narrow(0, rows.first, rows.last - rows.first);
      copy_ = at::empty(target_.sizes(), target_.options().dtype(at::kFloat));
      data_ = copy_.mutable_data_ptr<float>();
    } else {
      data_ = tensor.mutable_data_ptr<float>() + rows.first * tensor.stride(0);
    }
  }

  float* data() { return data_; }
  // Rounds what was written into the tensor; nothing to do in fp32.
  void Store() {
    if (target_.defined()) target_.copy_(copy_);
  }

 private:
  at::Tensor target_, copy_;  // undefined in fp32
  float* data_;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_LAYERS_ROUNDED_ROWS_H_
