// SPDX-License-Identifier: Apache-2.0
#include "model/weights/weight_files_writer.h"

#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/file_system.h"
#include "common/status_macros.h"
#include "model/weights/safetensors_header.h"
#include "model/weights/weight_file_names.h"
#include "model/weights/weight_shards.h"

namespace cohort::model {
namespace {

using Shards = std::vector<std::vector<TensorToWrite>>;

int64_t SizeOf(const TensorToWrite& tensor) { return TensorSizeBytes(tensor.dtype, tensor.shape); }

// Impossible sizes are the writer's to refuse.
Shards SplitIntoShards(const std::vector<TensorToWrite>& tensors, int64_t max_shard_bytes) {
  std::vector<int64_t> sizes_bytes;
  for (const TensorToWrite& tensor : tensors) sizes_bytes.push_back(SizeOf(tensor));
  std::vector<size_t> starts = ShardStarts(sizes_bytes, max_shard_bytes);
  starts.push_back(tensors.size());
  Shards shards;
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    shards.emplace_back(tensors.begin() + static_cast<int64_t>(starts[i]),
                        tensors.begin() + static_cast<int64_t>(starts[i + 1]));
  }
  return shards;
}

std::string IndexText(const Shards& shards) {
  int64_t total_bytes = 0;
  std::map<std::string, std::string> file_of_tensor;
  for (size_t i = 0; i < shards.size(); ++i) {
    for (const TensorToWrite& tensor : shards[i]) {
      file_of_tensor[tensor.name] = ShardFileName(static_cast<int64_t>(i) + 1, static_cast<int64_t>(shards.size()));
      total_bytes += SizeOf(tensor);
    }
  }
  return WeightsIndexText(file_of_tensor, total_bytes);
}

absl::Status RemoveFile(const std::string& path, common::FileSystem* files) {
  const absl::Status removed = files->Remove(path);
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

// Durably removes the folder's weight files but those of `kept`.
absl::Status RemoveOthers(const std::string& directory, const std::set<std::string>& kept, common::FileSystem* files) {
  COHORT_ASSIGN_OR_RETURN(std::vector<std::string> surplus, files->List(directory));
  std::erase_if(surplus, [&kept](const std::string& name) { return !IsWeightFileName(name) || kept.count(name) > 0; });
  if (surplus.empty()) return absl::OkStatus();
  for (const std::string& name : surplus) {
    COHORT_RETURN_IF_ERROR(RemoveFile(absl::StrCat(directory, "/", name), files));
  }
  return files->SyncFolder(directory);
}

absl::Status WriteShards(const std::string& directory, const Shards& shards, common::FileSystem* files,
                         std::set<std::string>* written) {
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = ShardFileName(static_cast<int64_t>(i) + 1, static_cast<int64_t>(shards.size()));
    COHORT_RETURN_IF_ERROR(WriteSafetensors(absl::StrCat(directory, "/", name), shards[i], files));
    written->insert(name);
  }
  COHORT_RETURN_IF_ERROR(
      common::WriteFileAtomically(files, absl::StrCat(directory, "/", kWeightsIndexFile), IndexText(shards)));
  written->insert(kWeightsIndexFile);
  return absl::OkStatus();
}

// A tensor in two shards would be found by no one: the index has one place for a name.
absl::Status CheckNames(const std::string& directory, const std::vector<TensorToWrite>& tensors) {
  std::set<std::string_view> names;
  for (const TensorToWrite& tensor : tensors) {
    if (names.insert(tensor.name).second) continue;
    return absl::InvalidArgumentError(absl::StrCat(directory, ": tensor ", tensor.name, ": is given twice"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteWeightFiles(std::string_view directory, const std::vector<TensorToWrite>& tensors,
                              int64_t max_shard_bytes, common::FileSystem* files) {
  const std::string folder(directory);
  COHORT_RETURN_IF_ERROR(CheckNames(folder, tensors));
  const Shards shards = SplitIntoShards(tensors, max_shard_bytes);
  if (shards.size() == 1) {
    COHORT_RETURN_IF_ERROR(WriteSafetensors(absl::StrCat(folder, "/", kWeightsFile), tensors, files));
    return RemoveOthers(folder, {kWeightsFile}, files);
  }
  // An index of before must not be found beside shards of now.
  COHORT_RETURN_IF_ERROR(RemoveFile(absl::StrCat(folder, "/", kWeightsIndexFile), files));
  COHORT_RETURN_IF_ERROR(files->SyncFolder(folder));
  std::set<std::string> written;
  const absl::Status status = WriteShards(folder, shards, files, &written);
  if (!status.ok()) {
    for (const std::string& name : written) (void)files->Remove(absl::StrCat(folder, "/", name));
    return status;
  }
  return RemoveOthers(folder, written, files);
}

}  // namespace cohort::model
