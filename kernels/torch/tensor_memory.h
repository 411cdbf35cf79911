// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_TORCH_TENSOR_MEMORY_H_
#define COHORT_KERNELS_TORCH_TENSOR_MEMORY_H_

#include <c10/core/Device.h>

#include <cstdint>

namespace cohort::kernels {

// Counts the bytes of the tensors of one device that live, and the most that lived at once. On the CPU it stands before
// LibTorch's allocator while it lives, which costs an atomic addition or two a tensor and moves no byte; what was
// allocated before is not counted. On another device the device's allocator counts. Memory that libraries and kernels
// take for themselves is not among it (packing buffers of MKL, kernels/aligned_floats.h).
//
// One at a time in a process; made and destroyed while no other thread allocates tensors. Tensors may outlive it. The
// methods are thread-safe and throw nothing; a device that does not tell has 0 bytes.
class TensorMemory final {
 public:
  explicit TensorMemory(const c10::Device& device = c10::Device(c10::kCPU));
  ~TensorMemory();
  TensorMemory(const TensorMemory&) = delete;
  TensorMemory& operator=(const TensorMemory&) = delete;

  // This and the peak include the CPU's tensors that an earlier TensorMemory counted and that still live: subtract what
  // it was at the start.
  int64_t live_bytes() const;
  // The most that lived at once since the construction, or since Restart.
  int64_t peak_bytes() const;
  void Restart();

 private:
  const c10::Device device_;
};

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_TORCH_TENSOR_MEMORY_H_
