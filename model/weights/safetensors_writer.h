// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_SAFETENSORS_WRITER_H_
#define COHORT_MODEL_WEIGHTS_SAFETENSORS_WRITER_H_

// Torch-free.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/file_system.h"

namespace cohort::model {

// One tensor to be written. `bytes` returns all of its bytes, or is called again for the ones that follow until dtype
// and shape are satisfied, so that a large tensor need never be in memory. Tensors are asked in order; what is returned
// stays valid until the next call of any.
struct TensorToWrite {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::function<std::string_view()> bytes;
};

// Writes a safetensors file beside the target, fsyncs it and its folder, renames: readers see the old file or the whole
// new one. On failure (RESOURCE_EXHAUSTED on a full disk) the target is untouched and nothing is left beside it.
absl::Status WriteSafetensors(std::string_view path, const std::vector<TensorToWrite>& tensors,
                              common::FileSystem* files = common::RealFileSystem());

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_SAFETENSORS_WRITER_H_
