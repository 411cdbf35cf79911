// SPDX-License-Identifier: Apache-2.0
#include "model/weights/checkpoint_folder.h"

#include <ATen/ops/empty.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/architectures/architecture_table.h"
#include "model/weights/folder_files.h"
#include "model/weights/safetensors_writer.h"
#include "model/weights/weight_files.h"

namespace cohort::model {
namespace {

float FloatOfBfloat16(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

absl::Status ReadAsFloat(const WeightFiles::Tensor& source, float* values) {
  const int64_t size_bytes = source.entry->size_bytes;
  if (source.entry->dtype == "F32") return source.Read(0, size_bytes, reinterpret_cast<char*>(values));
  const bool is_bfloat16 = source.entry->dtype == "BF16";
  std::vector<uint16_t> piece(1 << 16);
  for (int64_t first = 0; first < size_bytes; first += 2 * static_cast<int64_t>(piece.size())) {
    const int64_t count = std::min(static_cast<int64_t>(piece.size()), (size_bytes - first) / 2);
    COHORT_RETURN_IF_ERROR(source.Read(first, 2 * count, reinterpret_cast<char*>(piece.data())));
    for (int64_t i = 0; i < count; ++i) {
      *values++ = is_bfloat16 ? FloatOfBfloat16(piece[i]) : c10::detail::fp16_ieee_to_fp32_value(piece[i]);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ParameterMap> LoadParameters(std::string_view directory, const ModelConfig& config,
                                            const at::Device& device) {
  const Architecture* architecture = FindArchitecture(config.architecture);
  if (architecture == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("architecture: not supported (", config.architecture, "); supported: ", SupportedArchitectures()));
  }
  const std::vector<ParameterSpec> specs = architecture->parameters(config);
  COHORT_ASSIGN_OR_RETURN(const WeightFiles files, WeightFiles::Open(directory));
  COHORT_RETURN_IF_ERROR(files.Check(specs, config.tie_word_embeddings));
  ParameterMap parameters;
  COHORT_RETURN_IF_ERROR(
      kernels::StatusFromTorch(absl::StrCat(std::string(directory), ": weights"), [&]() -> absl::Status {
        for (const ParameterSpec& spec : specs) {
          at::Tensor tensor = at::empty(spec.shape, at::kFloat);
          COHORT_RETURN_IF_ERROR(ReadAsFloat(files.Get(spec.name), tensor.mutable_data_ptr<float>()));
          parameters.entries.emplace_back(spec.name, tensor.to(device));
        }
        return absl::OkStatus();
      }));
  return parameters;
}

absl::Status WriteModelFolder(std::string_view directory, std::string_view source_directory,
                              const ParameterMap& parameters) {
  const std::string folder(directory);
  COHORT_RETURN_IF_ERROR(CopyFolderFiles(std::string(source_directory), folder));
  return kernels::StatusFromTorch(absl::StrCat(folder, ": weights"), [&]() -> absl::Status {
    std::vector<TensorToWrite> tensors;
    at::Tensor current;  // keeps the bytes of the tensor being written
    for (const auto& [name, tensor] : parameters.entries) {
      tensors.push_back({name, "F32", tensor.sizes().vec(), [&current, tensor] {
                           current = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
                           return std::string_view(static_cast<const char*>(current.const_data_ptr()),
                                                   current.nbytes());
                         }});
    }
    return WriteSafetensors(absl::StrCat(folder, "/", kWeightsFile), tensors);
  });
}

}  // namespace cohort::model
