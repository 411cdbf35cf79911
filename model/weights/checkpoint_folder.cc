// SPDX-License-Identifier: Apache-2.0
#include "model/weights/checkpoint_folder.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/architectures/architecture_table.h"
#include "model/weights/folder_files.h"
#include "model/weights/piece_threads.h"
#include "model/weights/tensor_loader.h"
#include "model/weights/weight_files.h"

namespace cohort::model {
namespace {

absl::StatusOr<std::vector<ParameterSpec>> SpecsOf(const ModelConfig& config) {
  if (const Architecture* architecture = FindArchitecture(config.architecture)) return architecture->parameters(config);
  return absl::UnimplementedError(
      absl::StrCat("architecture: not supported (", config.architecture, "); supported: ", SupportedArchitectures()));
}

absl::Status CheckDestinations(const std::vector<ParameterSpec>& specs, const ParameterMap& parameters) {
  const auto& entries = parameters.entries;
  for (size_t i = 0; i < std::max(specs.size(), entries.size()); ++i) {
    if (i >= specs.size() || i >= entries.size() || entries[i].first != specs[i].name) {
      return absl::InvalidArgumentError(absl::StrCat("parameters: place ", i, " must be ",
                                                     i < specs.size() ? specs[i].name : "empty", " (",
                                                     i < entries.size() ? entries[i].first : "missing", ")"));
    }
    const at::Tensor& tensor = entries[i].second;
    if (tensor.sizes() != at::IntArrayRef(specs[i].shape) || tensor.scalar_type() != at::kFloat ||
        !tensor.is_contiguous()) {
      return absl::InvalidArgumentError(
          absl::StrCat("parameters: ", specs[i].name, ": must be contiguous fp32 in the architecture's shape"));
    }
  }
  return absl::OkStatus();
}

// Straight into host memory; through one tensor's worth of it into a device's.
absl::Status Fill(const WeightFiles& files, const ParameterMap& parameters) {
  const at::NoGradGuard no_grad;
  std::vector<TensorDestination> destinations;
  for (const auto& [name, tensor] : parameters.entries) {
    if (tensor.is_cpu()) {
      destinations.push_back({name, tensor.mutable_data_ptr<float>()});
      continue;
    }
    const at::Tensor host = at::empty(tensor.sizes(), at::kFloat);
    COHORT_RETURN_IF_ERROR(LoadTensors(files, {{name, host.mutable_data_ptr<float>()}}, NumPieceThreads()));
    tensor.copy_(host);
  }
  return LoadTensors(files, destinations, NumPieceThreads());
}

}  // namespace

absl::Status LoadParametersInto(std::string_view directory, const ModelConfig& config, const ParameterMap& parameters) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<ParameterSpec> specs, SpecsOf(config));
  COHORT_RETURN_IF_ERROR(CheckDestinations(specs, parameters));
  COHORT_ASSIGN_OR_RETURN(const WeightFiles files, WeightFiles::Open(directory));
  COHORT_RETURN_IF_ERROR(files.Check(specs, config.tie_word_embeddings));
  return kernels::StatusFromTorch(absl::StrCat(std::string(directory), ": weights"),
                                  [&] { return Fill(files, parameters); });
}

absl::StatusOr<ParameterMap> LoadParameters(std::string_view directory, const ModelConfig& config,
                                            const at::Device& device) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<ParameterSpec> specs, SpecsOf(config));
  ParameterMap parameters;
  COHORT_RETURN_IF_ERROR(kernels::StatusFromTorch(absl::StrCat(std::string(directory), ": weights"), [&] {
    for (const ParameterSpec& spec : specs) {
      parameters.entries.emplace_back(spec.name, at::empty(spec.shape, at::dtype(at::kFloat).device(device)));
    }
    return absl::OkStatus();
  }));
  COHORT_RETURN_IF_ERROR(LoadParametersInto(directory, config, parameters));
  return parameters;
}

absl::Status VisitParameters(std::string_view directory, const ModelConfig& config,
                             const std::function<absl::Status(size_t index, const at::Tensor& values)>& visit) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<ParameterSpec> specs, SpecsOf(config));
  COHORT_ASSIGN_OR_RETURN(const WeightFiles files, WeightFiles::Open(directory));
  COHORT_RETURN_IF_ERROR(files.Check(specs, config.tie_word_embeddings));
  int64_t largest = 0;
  for (const ParameterSpec& spec : specs) largest = std::max(largest, spec.NumElements());
  return kernels::StatusFromTorch(absl::StrCat(std::string(directory), ": weights"), [&]() -> absl::Status {
    const at::Tensor room = at::empty({largest}, at::kFloat);
    for (size_t i = 0; i < specs.size(); ++i) {
      const at::Tensor values = room.narrow(0, 0, specs[i].NumElements()).view(specs[i].shape);
      COHORT_RETURN_IF_ERROR(
          LoadTensors(files, {{specs[i].name, values.mutable_data_ptr<float>()}}, NumPieceThreads()));
      COHORT_RETURN_IF_ERROR(visit(i, values));
    }
    return absl::OkStatus();
  });
}

absl::Status WriteModelFolder(std::string_view directory, std::string_view source_directory,
                              const ParameterMap& parameters, int64_t max_shard_bytes, common::FileSystem* files) {
  const std::string folder(directory);
  COHORT_RETURN_IF_ERROR(CopyFolderFiles(std::string(source_directory), folder, /*copied=*/nullptr, files));
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
    return WriteWeightFiles(folder, tensors, max_shard_bytes, files);
  });
}

}  // namespace cohort::model
