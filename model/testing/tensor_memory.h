// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_TESTING_TENSOR_MEMORY_H_
#define COHORT_MODEL_TESTING_TENSOR_MEMORY_H_

#include <cstdint>

namespace cohort::model {

// Counts the bytes of the tensors that LibTorch allocates on the CPU while it lives; scratch that libraries keep (MKL's
// packing buffers) is not among them. One at a time in a process; made and destroyed while no other thread allocates
// tensors. Tensors may outlive it.
class TensorMemory final {
 public:
  TensorMemory();
  ~TensorMemory();
  TensorMemory(const TensorMemory&) = delete;
  TensorMemory& operator=(const TensorMemory&) = delete;

  // Of the tensors that were allocated since the first TensorMemory and live.
  int64_t live_bytes() const;
  // The most that lived at once since the construction, or since Restart, less what lived then.
  int64_t peak_bytes() const;
  void Restart();

 private:
  int64_t bytes_at_start_ = 0;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_TESTING_TENSOR_MEMORY_H_
