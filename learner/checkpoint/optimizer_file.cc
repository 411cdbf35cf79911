// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/optimizer_file.h"

#include <ATen/ops/empty.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "kernels/torch/torch_status.h"
#include "model/weights/safetensors_reader.h"
#include "model/weights/safetensors_writer.h"

namespace cohort::learner {
namespace {

constexpr char kFirst[] = "exp_avg.";
constexpr char kSecond[] = "exp_avg_sq.";

std::string PathIn(std::string_view directory) { return std::string(directory) + "/optimizer.safetensors"; }

// One moment of one parameter, flat, on the host.
absl::StatusOr<at::Tensor> ReadMoment(const model::SafetensorsReader& file,
                                      const std::map<std::string, const model::SafetensorsEntry*>& entries,
                                      const std::string& name, const at::Tensor& parameter) {
  const auto found = entries.find(name);
  if (found == entries.end()) return absl::DataLossError(absl::StrCat(file.path(), ": missing tensor, ", name));
  const model::SafetensorsEntry& entry = *found->second;
  if (entry.dtype != "F32" || entry.shape != parameter.sizes().vec()) {
    return absl::DataLossError(absl::StrCat(file.path(), ": dtype or shape is not the parameter's, ", name));
  }
  at::Tensor host = at::empty({parameter.numel()}, at::kFloat);
  COHORT_RETURN_IF_ERROR(file.Read(entry, 0, entry.size_bytes, static_cast<char*>(host.mutable_data_ptr())));
  return host;
}

}  // namespace

absl::Status WriteOptimizerFile(std::string_view directory, const SavedState& state, common::FileSystem* files) {
  return kernels::StatusFromTorch("optimizer state", [&] {
    at::Tensor host;  // of the tensor that is being written
    std::vector<model::TensorToWrite> tensors;
    for (const auto& [prefix, of] : {std::pair(kFirst, &state.exp_avg), std::pair(kSecond, &state.exp_avg_sq)}) {
      for (const auto& [name, moment] : of->entries) {
        tensors.push_back({.name = absl::StrCat(prefix, name),
                           .dtype = "F32",
                           .shape = moment.sizes().vec(),
                           .bytes = [&host, moment = moment] {
                             host = moment.to(at::kCPU).contiguous();
                             return std::string_view(static_cast<const char*>(host.const_data_ptr()), host.nbytes());
                           }});
      }
    }
    return model::WriteSafetensors(PathIn(directory), tensors, files);
  });
}

absl::Status ReadOptimizerFile(std::string_view directory, const FlatParameters& parameters, AdamW* optimizer) {
  COHORT_ASSIGN_OR_RETURN(const std::unique_ptr<model::SafetensorsReader> file,
                          model::SafetensorsReader::Open(PathIn(directory)));
  std::map<std::string, const model::SafetensorsEntry*> entries;
  for (const model::SafetensorsEntry& entry : file->entries()) entries[entry.name] = &entry;
  return kernels::StatusFromTorch("optimizer state", [&]() -> absl::Status {
    for (size_t i = 0; i < parameters.layout().spans.size(); ++i) {
      const auto& [name, parameter] = parameters.parameters().entries[i];
      COHORT_ASSIGN_OR_RETURN(const at::Tensor first,
                              ReadMoment(*file, entries, absl::StrCat(kFirst, name), parameter));
      COHORT_ASSIGN_OR_RETURN(const at::Tensor second,
                              ReadMoment(*file, entries, absl::StrCat(kSecond, name), parameter));
      optimizer->SetMoments(parameters.layout().spans[i], first, second);
    }
    return absl::OkStatus();
  });
}

}  // namespace cohort::learner
