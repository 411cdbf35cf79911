// SPDX-License-Identifier: Apache-2.0
#include "model/weights/weight_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "model/strict_json.h"
#include "model/weights/weight_file_names.h"

namespace cohort::model {
namespace {

bool Exists(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0;
}

// Names in messages come from files: cut and made printable.
std::string Shown(std::string_view name) { return common::Printable(name, /*max_bytes=*/200); }

std::string ShapeText(const std::vector<int64_t>& shape) {
  constexpr size_t kMaxShownDims = 8;
  const auto end = shape.begin() + static_cast<int64_t>(std::min(shape.size(), kMaxShownDims));
  return absl::StrCat("[", absl::StrJoin(shape.begin(), end, ", "), end == shape.end() ? "]" : ", ...]");
}

// Whether both tensors, of one size, have the same bytes.
absl::StatusOr<bool> HaveSameBytes(const WeightFiles::Tensor& a, const WeightFiles::Tensor& b) {
  constexpr int64_t kPieceBytes = 1 << 20;
  std::string piece_a(kPieceBytes, '\0'), piece_b(kPieceBytes, '\0');
  for (int64_t first = 0; first < a.entry->size_bytes; first += kPieceBytes) {
    const int64_t count = std::min(kPieceBytes, a.entry->size_bytes - first);
    COHORT_RETURN_IF_ERROR(a.Read(first, count, piece_a.data()));
    COHORT_RETURN_IF_ERROR(b.Read(first, count, piece_b.data()));
    if (std::memcmp(piece_a.data(), piece_b.data(), static_cast<size_t>(count)) != 0) return false;
  }
  return true;
}

// A shard is a file of the folder itself, whatever the index says. Messages carry its path, so it is printable too.
bool IsPlainFileName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         common::Printable(name, /*max_bytes=*/255) == name;
}

absl::StatusOr<std::map<std::string, std::string>> ReadIndex(const std::string& path) {
  COHORT_ASSIGN_OR_RETURN(const nlohmann::json index, ReadJsonObject(path));
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object() || map->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": weight_map: missing, empty or not an object"));
  }
  std::map<std::string, std::string> file_of_tensor;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string() || !IsPlainFileName(file.get<std::string>())) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": weight_map: ", Shown(tensor), ": not a file name of this folder (",
                       Shown(file.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)), ")"));
    }
    file_of_tensor[tensor] = file.get<std::string>();
  }
  return file_of_tensor;
}

// "model.layers.N.self_attn.rotary_emb.inv_freq": a buffer of early Llama checkpoints with what config.json says about
// the rotary embedding. transformers ignores it, and so does Check.
bool IsRotaryBuffer(std::string_view name) {
  constexpr std::string_view kPrefix = "model.layers.", kSuffix = ".self_attn.rotary_emb.inv_freq";
  if (name.substr(0, kPrefix.size()) != kPrefix) return false;
  name.remove_prefix(kPrefix.size());
  const size_t num_digits = std::min(name.find_first_not_of("0123456789"), name.size());
  return num_digits > 0 && name.substr(num_digits) == kSuffix;
}

}  // namespace

absl::StatusOr<WeightFiles> WeightFiles::Open(std::string_view directory) {
  WeightFiles files(directory);
  if (Exists(absl::StrCat(files.directory_, "/", kWeightsFile))) {
    COHORT_RETURN_IF_ERROR(files.AddFile(kWeightsFile));
    return files;
  }
  const std::string index_path = absl::StrCat(files.directory_, "/", kWeightsIndexFile);
  if (!Exists(index_path)) {
    return absl::NotFoundError(
        absl::StrCat(files.directory_, ": has neither ", kWeightsFile, " nor ", kWeightsIndexFile));
  }
  COHORT_ASSIGN_OR_RETURN(const auto file_of_tensor, ReadIndex(index_path));
  std::map<std::string, std::string> tensor_of_file;  // the first of each
  for (const auto& [tensor, file] : file_of_tensor) tensor_of_file.emplace(file, tensor);
  for (const auto& [file, tensor] : tensor_of_file) {
    const absl::Status added = files.AddFile(file);
    if (absl::IsNotFound(added)) {
      return absl::NotFoundError(
          absl::StrCat(index_path, ": weight_map: ", Shown(tensor), ": names a file that is not there (", file, ")"));
    }
    COHORT_RETURN_IF_ERROR(added);
  }
  COHORT_RETURN_IF_ERROR(files.CheckIndex(file_of_tensor, index_path));
  return files;
}

absl::Status WeightFiles::AddFile(const std::string& file_name) {
  COHORT_ASSIGN_OR_RETURN(auto file, SafetensorsReader::Open(absl::StrCat(directory_, "/", file_name)));
  for (const SafetensorsEntry& entry : file->entries()) {
    if (!tensors_.emplace(entry.name, Tensor{file.get(), &entry}).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(file->path(), ": tensor ", Shown(entry.name), ": is in another shard too"));
    }
  }
  files_.push_back(std::move(file));
  return absl::OkStatus();
}

absl::Status WeightFiles::CheckIndex(const std::map<std::string, std::string>& file_of_tensor,
                                     const std::string& index_path) const {
  for (const auto& [name, file] : file_of_tensor) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end() || found->second.file->path() != absl::StrCat(directory_, "/", file)) {
      return absl::InvalidArgumentError(
          absl::StrCat(index_path, ": tensor ", Shown(name), ": is not in the shard named (", Shown(file), ")"));
    }
  }
  for (const auto& [name, tensor] : tensors_) {
    if (file_of_tensor.count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(tensor.file->path(), ": tensor ", Shown(name), ": is not in ", kWeightsIndexFile));
    }
  }
  return absl::OkStatus();
}

absl::Status WeightFiles::Check(const std::vector<ParameterSpec>& parameters, bool tie_word_embeddings) const {
  std::set<std::string_view> expected;
  for (const ParameterSpec& parameter : parameters) {
    expected.insert(parameter.name);
    const auto found = tensors_.find(parameter.name);
    if (found == tensors_.end()) {
      return absl::InvalidArgumentError(absl::StrCat(files_.size() == 1 ? files_[0]->path() : directory_, ": tensor ",
                                                     parameter.name, ": is missing"));
    }
    const SafetensorsEntry& entry = *found->second.entry;
    if (entry.shape != parameter.shape) {
      return absl::InvalidArgumentError(absl::StrCat(found->second.file->path(), ": tensor ", entry.name, ": shape is ",
                                                     ShapeText(entry.shape), ", config.json needs ",
                                                     ShapeText(parameter.shape)));
    }
    if (entry.dtype != "F32" && entry.dtype != "BF16" && entry.dtype != "F16") {
      return absl::InvalidArgumentError(absl::StrCat(found->second.file->path(), ": tensor ", entry.name,
                                                     ": dtype must be F32, BF16 or F16 (", entry.dtype, ")"));
    }
  }
  for (const auto& [name, tensor] : tensors_) {
    if (expected.count(name) != 0 || IsRotaryBuffer(name)) continue;
    if (tie_word_embeddings && name == "lm_head.weight") {
      COHORT_RETURN_IF_ERROR(CheckTiedHead(tensor));
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat(tensor.file->path(), ": tensor ", Shown(name), ": the architecture has no such parameter"));
  }
  return absl::OkStatus();
}

absl::Status WeightFiles::CheckTiedHead(const Tensor& head) const {
  const auto embedding = tensors_.find("model.embed_tokens.weight");
  if (embedding != tensors_.end() && embedding->second.entry->dtype == head.entry->dtype &&
      embedding->second.entry->shape == head.entry->shape) {
    COHORT_ASSIGN_OR_RETURN(const bool is_same, HaveSameBytes(embedding->second, head));
    if (is_same) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(head.file->path(),
                   ": tensor lm_head.weight: differs from the embedding, but config.json says tie_word_embeddings"));
}

}  // namespace cohort::model
