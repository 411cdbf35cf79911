// SPDX-License-Identifier: Apache-2.0
#include "model/weights/model_folder.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/status_macros.h"
#include "model/architectures/architecture_table.h"
#include "model/strict_json.h"
#include "model/tokenizer/tokenizer.h"
#include "model/weights/folder_files.h"
#include "model/weights/weight_files.h"

namespace cohort::model {
namespace {

int64_t CountParameters(const std::vector<ParameterSpec>& parameters) {
  int64_t count = 0;
  for (const ParameterSpec& parameter : parameters) count += parameter.NumElements();
  return count;
}

std::string ParentOf(const std::string& folder) {
  std::filesystem::path path(folder);
  if (!path.has_filename()) path = path.parent_path();  // "folder/"
  const std::string parent = path.parent_path().string();
  return parent.empty() ? "." : parent;
}

absl::Status CheckTokenizer(const std::string& directory, const ModelConfig& config) {
  COHORT_ASSIGN_OR_RETURN(const auto tokenizer, Tokenizer::Load(directory));
  if (tokenizer->VocabSize() > config.vocab_size) {
    return absl::InvalidArgumentError(absl::StrCat(directory, "/config.json: vocab_size: is smaller than the ",
                                                   tokenizer->VocabSize(), " ids of tokenizer.json (",
                                                   config.vocab_size, ")"));
  }
  return absl::OkStatus();
}

// An id outside the vocabulary would be a row that the embedding does not have.
absl::Status CheckIdRange(const JsonFields& fields, std::string_view key, int64_t vocab_size) {
  const nlohmann::json* value = fields.Find(key);
  if (value == nullptr) return absl::OkStatus();
  for (const nlohmann::json& id : value->is_array() ? *value : nlohmann::json::array({*value})) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(vocab_size)) {
      return fields.Invalid(key, absl::StrCat("must be below vocab_size ", vocab_size));
    }
  }
  return absl::OkStatus();
}

// LoadModelConfig looks at the one list of ids that ends a completion; here both files must make sense.
absl::Status CheckSpecialIds(const std::string& directory, int64_t vocab_size) {
  for (const char* name : {"config.json", "generation_config.json"}) {
    const std::string path = absl::StrCat(directory, "/", name);
    const absl::StatusOr<nlohmann::json> document = ReadJsonObject(path);
    if (absl::IsNotFound(document.status())) continue;
    if (!document.ok()) return document.status();
    const JsonFields fields(*document, path);
    for (const char* key : {"bos_token_id", "eos_token_id"}) {
      COHORT_RETURN_IF_ERROR(CheckIdRange(fields, key, vocab_size));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<double> ReadInitializerRange(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/config.json");
  COHORT_ASSIGN_OR_RETURN(const nlohmann::json document, ReadJsonObject(path));
  const JsonFields fields(document, path);
  COHORT_ASSIGN_OR_RETURN(const double range, fields.PositiveOr("initializer_range", 0.02));
  if (range > 1000) return fields.Invalid("initializer_range", "must be at most 1000");  // weights must stay finite
  return range;
}

// A config.json can ask for any size: said before anything is written, not by a full disk.
absl::Status CheckRoom(const std::string& output, int64_t needed_bytes) {
  std::error_code error;
  std::filesystem::path place = std::filesystem::absolute(ParentOf(output), error);
  while (place.has_relative_path() && !std::filesystem::exists(place, error)) place = place.parent_path();
  struct statvfs disk;
  if (statvfs(place.c_str(), &disk) != 0) return absl::OkStatus();  // making the folder will tell
  const auto room = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (static_cast<uint64_t>(needed_bytes) <= room) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(output, ": the weights need ", needed_bytes, " bytes, the disk has ", room, " free"));
}

// What a folder's config.json and tokenizer ask of its weights.
struct WeightPlan {
  std::vector<ParameterSpec> parameters;
  double scale = 0;
};

absl::StatusOr<WeightPlan> PlanWeights(const std::string& directory, const std::string& output,
                                       const WeightFormat& format) {
  COHORT_RETURN_IF_ERROR(CheckWeightFormat(format));
  WeightPlan plan;
  COHORT_ASSIGN_OR_RETURN(const ModelConfig config, LoadModelConfig(directory));
  COHORT_RETURN_IF_ERROR(CheckSpecialIds(directory, config.vocab_size));
  COHORT_RETURN_IF_ERROR(CheckTokenizer(directory, config));
  COHORT_ASSIGN_OR_RETURN(plan.scale, ReadInitializerRange(directory));
  plan.parameters = FindArchitecture(config.architecture)->parameters(config);
  COHORT_RETURN_IF_ERROR(CheckRoom(output, WeightBytes(plan.parameters, format)));
  return plan;
}

// Makes the folder, with those above it, and lets `fill` write into it; an error leaves no folder.
absl::Status MakeFolder(const std::string& output, const std::function<absl::Status()>& fill) {
  std::error_code error;
  std::filesystem::create_directories(ParentOf(output), error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat(ParentOf(output), ": folder cannot be created (", error.message(), ")"));
  }
  if (mkdir(output.c_str(), 0755) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(output, ": folder cannot be created"));
  }
  absl::Status status = fill();
  if (status.ok()) status = common::SyncDirectory(ParentOf(output));
  if (!status.ok()) {
    RemoveFolderFiles(output);
    rmdir(output.c_str());
  }
  return status;
}

}  // namespace

absl::StatusOr<ModelFolderSummary> InspectModelFolder(std::string_view directory) {
  const std::string folder(directory);
  ModelFolderSummary summary;
  COHORT_ASSIGN_OR_RETURN(summary.config, LoadModelConfig(folder));
  COHORT_RETURN_IF_ERROR(CheckSpecialIds(folder, summary.config.vocab_size));
  COHORT_RETURN_IF_ERROR(CheckTokenizer(folder, summary.config));
  summary.parameters = FindArchitecture(summary.config.architecture)->parameters(summary.config);
  COHORT_ASSIGN_OR_RETURN(const WeightFiles files, WeightFiles::Open(folder));
  COHORT_RETURN_IF_ERROR(files.Check(summary.parameters, summary.config.tie_word_embeddings));
  summary.num_parameters = CountParameters(summary.parameters);
  for (const auto& file : files.files()) {
    summary.files.push_back({std::filesystem::path(file->path()).filename().string(), file->size_bytes()});
    for (const SafetensorsEntry& entry : file->entries()) {
      summary.weight_bytes_by_dtype[entry.dtype] += entry.size_bytes;
    }
  }
  return summary;
}

absl::Status WriteRandomModel(std::string_view template_directory, std::string_view output_directory, uint64_t seed,
                              const WeightFormat& format) {
  const std::string source(template_directory);
  const std::string output(output_directory);
  COHORT_ASSIGN_OR_RETURN(const WeightPlan plan, PlanWeights(source, output, format));
  return MakeFolder(output, [&]() -> absl::Status {
    COHORT_RETURN_IF_ERROR(CopyFolderFiles(source, output));
    return WriteRandomWeights(output, plan.parameters, plan.scale, seed, format);
  });
}

absl::Status WriteRandomModelFromTexts(const std::vector<FolderText>& files, std::string_view output_directory,
                                       uint64_t seed, const WeightFormat& format) {
  const std::string output(output_directory);
  return MakeFolder(output, [&]() -> absl::Status {
    for (const FolderText& file : files) {
      COHORT_RETURN_IF_ERROR(common::WriteFileAtomically(absl::StrCat(output, "/", file.name), file.content));
    }
    COHORT_ASSIGN_OR_RETURN(const WeightPlan plan, PlanWeights(output, output, format));
    return WriteRandomWeights(output, plan.parameters, plan.scale, seed, format);
  });
}

}  // namespace cohort::model
