// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_TENSOR_LOADER_H_
#define COHORT_MODEL_WEIGHTS_TENSOR_LOADER_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/weights/weight_files.h"

namespace cohort::model {

// A tensor of a model folder, and host memory for all of its elements as fp32.
struct TensorDestination {
  std::string name;
  float* values = nullptr;
};

// Memory that one thread of LoadTensors takes besides the destinations.
inline constexpr int64_t kLoadScratchBytes = 64 << 10;

// Reads tensors that have passed files.Check on `num_threads` threads. Every byte is copied once, from the file to its
// place; BF16 and F16 become fp32 on the way, exactly. DATA_LOSS when a file has shrunk since it was opened; the
// destinations are then partly written.
absl::Status LoadTensors(const WeightFiles& files, const std::vector<TensorDestination>& destinations, int num_threads);

// The same for `count` elements of one tensor from element `first` on, on the calling thread, into `values`; for who
// keeps none of them. They must lie within the tensor.
absl::Status ReadElements(const WeightFiles::Tensor& tensor, int64_t first, int64_t count, float* values);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_TENSOR_LOADER_H_
