// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_KERNELS_DEVICE_ARRAY_H_
#define COHORT_KERNELS_DEVICE_ARRAY_H_

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

namespace cohort::kernels {

// For tests and benchmarks of CUDA operators: a call that fails ends the program with its reason. `error` is a
// cudaError_t, as an int where an operator returned it.
inline void CheckCuda(int error) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(static_cast<cudaError_t>(error)));
  std::exit(1);
}

// Device memory with the contents of a vector, freed with this; empty after a move. Copies to and from the device wait
// for the default stream. Not thread-safe. Ends the program when the device fails.
template <typename T>
class DeviceArray final {
 public:
  explicit DeviceArray(const std::vector<T>& host) : size_(host.size()) {
    CheckCuda(cudaMalloc(&pointer_, size_ * sizeof(T) + 1));  // one byte more: also an empty one is a place
    CheckCuda(cudaMemcpy(pointer_, host.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  DeviceArray(DeviceArray&& other) noexcept
      : pointer_(std::exchange(other.pointer_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  DeviceArray& operator=(DeviceArray&&) = delete;
  ~DeviceArray() { cudaFree(pointer_); }

  T* get() const { return static_cast<T*>(pointer_); }
  std::vector<T> ToHost() const {
    std::vector<T> host(size_);
    CheckCuda(cudaMemcpy(host.data(), pointer_, size_ * sizeof(T), cudaMemcpyDeviceToHost));
    return host;
  }

 private:
  void* pointer_ = nullptr;
  size_t size_;
};

}  // namespace cohort::kernels

#endif  // COHORT_KERNELS_DEVICE_ARRAY_H_
