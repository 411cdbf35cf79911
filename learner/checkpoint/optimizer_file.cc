// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/optimizer_file.h"

#include <ATen/ops/empty.h>

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

// Each moment tensor under the name that it has in the file.
model::ParameterMap NamedMoments(const FlatParameters& parameters, const AdamW& optimizer) {
  model::ParameterMap moments;
  for (const auto& [prefix, buffer_P] :
       {std::pair("exp_avg.", optimizer.exp_avg_P()), std::pair("exp_avg_sq.", optimizer.exp_avg_sq_P())}) {
    for (auto& [name, view] : parameters.ViewsOf(buffer_P).entries) moments.entries.emplace_back(prefix + name, view);
  }
  return moments;
}

std::string PathIn(std::string_view directory) { return std::string(directory) + "/optimizer.safetensors"; }

absl::Status Fill(const model::SafetensorsReader& file, const model::SafetensorsEntry& entry, at::Tensor moment) {
  if (entry.dtype != "F32" || entry.shape != moment.sizes().vec()) {
    return absl::DataLossError(absl::StrCat(file.path(), ": dtype or shape is not the parameter's, ", entry.name));
  }
  at::Tensor host = at::empty(moment.sizes(), at::kFloat);
  COHORT_RETURN_IF_ERROR(file.Read(entry, 0, entry.size_bytes, static_cast<char*>(host.mutable_data_ptr())));
  moment.copy_(host);
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteOptimizerFile(std::string_view directory, const FlatParameters& parameters, const AdamW& optimizer) {
  return kernels::StatusFromTorch("optimizer state", [&] {
    at::Tensor host;  // of the tensor that is being written
    std::vector<model::TensorToWrite> tensors;
    for (const auto& [name, moment] : NamedMoments(parameters, optimizer).entries) {
      tensors.push_back(
          {.name = name, .dtype = "F32", .shape = moment.sizes().vec(), .bytes = [&host, moment = moment] {
             host = moment.to(at::kCPU).contiguous();
             return std::string_view(static_cast<const char*>(host.const_data_ptr()), host.nbytes());
           }});
    }
    return model::WriteSafetensors(PathIn(directory), tensors);
  });
}

absl::Status ReadOptimizerFile(std::string_view directory, const FlatParameters& parameters, AdamW* optimizer) {
  COHORT_ASSIGN_OR_RETURN(const std::unique_ptr<model::SafetensorsReader> file,
                          model::SafetensorsReader::Open(PathIn(directory)));
  std::map<std::string, const model::SafetensorsEntry*> entries;
  for (const model::SafetensorsEntry& entry : file->entries()) entries[entry.name] = &entry;
  return kernels::StatusFromTorch("optimizer state", [&]() -> absl::Status {
    for (const auto& [name, moment] : NamedMoments(parameters, *optimizer).entries) {
      const auto found = entries.find(name);
      if (found == entries.end()) return absl::DataLossError(absl::StrCat(file->path(), ": missing tensor, ", name));
      COHORT_RETURN_IF_ERROR(Fill(*file, *found->second, moment));
    }
    return absl::OkStatus();
  });
}

}  // namespace cohort::learner
