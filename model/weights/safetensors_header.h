// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_SAFETENSORS_HEADER_H_
#define COHORT_MODEL_WEIGHTS_SAFETENSORS_HEADER_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::model {

// Where one tensor lies in the data part of a safetensors file.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;  // safetensors name: "F32", "BF16", ...
  std::vector<int64_t> shape;
  int64_t offset_bytes = 0;  // from the start of the data part
  int64_t size_bytes = 0;
};

// Longest header that is read: a longer one is taken for damage.
inline constexpr int64_t kMaxSafetensorsHeaderBytes = 100'000'000;

// Bytes of one element; 0 for an unknown dtype.
int64_t SafetensorsDtypeBytes(std::string_view dtype);

// Bytes of a tensor; negative when a dimension is negative, the dtype unknown, or the product does not fit.
int64_t TensorSizeBytes(std::string_view dtype, const std::vector<int64_t>& shape);

// Entries in file order from the JSON header, held against a data part of `data_bytes`. INVALID_ARGUMENT or, for data
// that end too early, DATA_LOSS; both name `file` and the tensor. Tensors must cover the data part without overlap or
// hole.
absl::StatusOr<std::vector<SafetensorsEntry>> ParseSafetensorsHeader(std::string_view header, int64_t data_bytes,
                                                                     std::string_view file);

// The header for these entries (offsets are assigned in order), padded to a multiple of 8 and preceded by its length.
std::string EncodeSafetensorsHeader(const std::vector<SafetensorsEntry>& entries);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_SAFETENSORS_HEADER_H_
