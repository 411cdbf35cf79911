// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/state_files.h"

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
#include "learner/checkpoint/checkpoint_plan.h"
#include "learner/flat_layout.h"
#include "model/parameter_map.h"
#include "model/weights/safetensors_reader.h"
#include "model/weights/safetensors_writer.h"

namespace cohort::learner {
namespace {

constexpr char kFirst[] = "exp_avg.";
constexpr char kSecond[] = "exp_avg_sq.";

std::string PathIn(std::string_view directory, std::string_view name) {
  return absl::StrCat(std::string(directory), "/", std::string(name));
}

// Tensors to write, and the one of them that is being written, on the host.
struct FileContent {
  // `spans` of the layout, of a map that begins with the span `first`.
  void Add(const model::ParameterMap& parameters, size_t first, const SpanRange& spans, const std::string& prefix) {
    for (size_t i = spans.first; i < spans.first + spans.count; ++i) {
      const auto& [name, tensor] = parameters.entries[i - first];
      tensors.push_back(
          {.name = prefix + name, .dtype = "F32", .shape = tensor.sizes().vec(), .bytes = [this, tensor = tensor] {
             host = tensor.to(at::kCPU).contiguous();
             return std::string_view(static_cast<const char*>(host.const_data_ptr()), host.nbytes());
           }});
    }
  }

  std::vector<model::TensorToWrite> tensors;
  at::Tensor host;
};

// What the files of moments hold together.
class OptimizerFiles final {
 public:
  absl::Status Open(const std::string& path) {
    COHORT_ASSIGN_OR_RETURN(std::unique_ptr<model::SafetensorsReader> file, model::SafetensorsReader::Open(path));
    for (const model::SafetensorsEntry& entry : file->entries()) {
      if (entries_.emplace(entry.name, std::pair(file.get(), &entry)).second) continue;
      return absl::DataLossError(absl::StrCat(path, ": tensor is in another file too, ", entry.name));
    }
    files_.push_back(std::move(file));
    return absl::OkStatus();
  }

  // One moment of one parameter, flat, on the host.
  absl::StatusOr<at::Tensor> Read(const std::string& name, const std::vector<int64_t>& shape) const {
    const auto found = entries_.find(name);
    if (found == entries_.end()) {
      return absl::DataLossError(absl::StrCat(files_.back()->path(), ": missing tensor, ", name));
    }
    const auto& [file, entry] = found->second;
    if (entry->dtype != "F32" || entry->shape != shape) {
      return absl::DataLossError(absl::StrCat(file->path(), ": dtype or shape is not the parameter's, ", name));
    }
    at::Tensor host = at::empty(shape, at::kFloat).flatten();
    COHORT_RETURN_IF_ERROR(file->Read(*entry, 0, entry->size_bytes, static_cast<char*>(host.mutable_data_ptr())));
    return host;
  }

 private:
  std::vector<std::unique_ptr<model::SafetensorsReader>> files_;
  std::map<std::string, std::pair<const model::SafetensorsReader*, const model::SafetensorsEntry*>> entries_;
};

}  // namespace

absl::Status WritePartFiles(std::string_view directory, const SavedState& state, std::vector<std::string>* names,
                            common::FileSystem* files) {
  const PlannedPart& part = state.plan.parts[static_cast<size_t>(state.place.rank)];
  const auto write = [&](const PlannedFile& file, const FileContent& content) -> absl::Status {
    COHORT_RETURN_IF_ERROR(model::WriteSafetensors(PathIn(directory, file.name), content.tensors, files));
    names->push_back(file.name);
    return absl::OkStatus();
  };
  return kernels::StatusFromTorch("part of the train state", [&]() -> absl::Status {
    for (const PlannedFile& file : part.weights) {
      FileContent content;
      content.Add(state.weights, part.spans.first, file.spans, "");
      COHORT_RETURN_IF_ERROR(write(file, content));
    }
    for (const PlannedFile& file : part.moments) {
      FileContent content;
      content.Add(state.exp_avg, part.spans.first, file.spans, kFirst);
      content.Add(state.exp_avg_sq, part.spans.first, file.spans, kSecond);
      COHORT_RETURN_IF_ERROR(write(file, content));
    }
    return absl::OkStatus();
  });
}

absl::Status ReadOptimizerFiles(std::string_view directory, const std::vector<std::string>& names,
                                const FlatParameters& parameters, AdamW* optimizer) {
  OptimizerFiles files;
  for (const std::string& name : names) COHORT_RETURN_IF_ERROR(files.Open(PathIn(directory, name)));
  return kernels::StatusFromTorch("optimizer state", [&]() -> absl::Status {
    for (size_t i = 0; i < parameters.layout().spans.size(); ++i) {
      const std::string& name = parameters.layout().spans[i].name;
      const std::vector<int64_t>& shape = parameters.ShapeOf(i);
      COHORT_ASSIGN_OR_RETURN(const at::Tensor first, files.Read(absl::StrCat(kFirst, name), shape));
      COHORT_ASSIGN_OR_RETURN(const at::Tensor second, files.Read(absl::StrCat(kSecond, name), shape));
      optimizer->SetMoments(parameters.layout().spans[i], first, second);
    }
    return absl::OkStatus();
  });
}

}  // namespace cohort::learner
