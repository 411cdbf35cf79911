// SPDX-License-Identifier: Apache-2.0
#include "model/weights/model_folder.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/files.h"
#include "common/philox.h"
#include "common/status_macros.h"
#include "model/architectures/architecture_table.h"
#include "model/strict_json.h"
#include "model/tokenizer/tokenizer.h"
#include "model/weights/folder_files.h"
#include "model/weights/safetensors_writer.h"
#include "model/weights/weight_files.h"

namespace cohort::model {
namespace {

int64_t CountParameters(const std::vector<ParameterSpec>& parameters) {
  int64_t count = 0;
  for (const ParameterSpec& parameter : parameters) count += parameter.NumElements();
  return count;
}

std::string ParentOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
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

absl::StatusOr<double> ReadInitializerRange(const std::string& directory) {
  const std::string path = absl::StrCat(directory, "/config.json");
  COHORT_ASSIGN_OR_RETURN(const nlohmann::json document, ReadJsonObject(path));
  return JsonFields(document, path).PositiveOr("initializer_range", 0.02);
}

// A config.json can ask for any size: said before the folder is made, not by a full disk.
absl::Status CheckRoom(const std::string& output, const std::vector<ParameterSpec>& parameters) {
  const int64_t needed = CountParameters(parameters) * static_cast<int64_t>(sizeof(float));
  struct statvfs disk;
  if (statvfs(ParentOf(output).c_str(), &disk) != 0) return absl::OkStatus();  // making the folder will tell
  const auto room = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (static_cast<uint64_t>(needed) <= room) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(output, ": the weights need ", needed, " bytes, the disk has ", room, " free"));
}

// Element i of parameter p is a function of (seed, p, i) alone. Box-Muller in double: two values of two words.
void DrawNormal(uint64_t seed, uint32_t parameter, double scale, std::vector<float>* values) {
  const std::array<uint32_t, 2> key = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (size_t i = 0; i < values->size(); i += 4) {
    const uint64_t block = i / 4;
    const std::array<uint32_t, 4> words =
        common::Philox4x32({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), parameter, 0}, key);
    for (size_t pair = 0; pair < 2; ++pair) {
      const double radius = scale * std::sqrt(-2.0 * std::log(common::UniformOpen(words[2 * pair])));
      const double angle = 2.0 * M_PI * common::UniformOpen(words[2 * pair + 1]);
      const size_t at = i + 2 * pair;
      if (at < values->size()) (*values)[at] = static_cast<float>(radius * std::cos(angle));
      if (at + 1 < values->size()) (*values)[at + 1] = static_cast<float>(radius * std::sin(angle));
    }
  }
}

absl::Status WriteRandomWeights(const std::string& path, const std::vector<ParameterSpec>& parameters, double scale,
                                uint64_t seed) {
  std::vector<float> values;
  std::vector<TensorToWrite> tensors;
  for (size_t p = 0; p < parameters.size(); ++p) {
    tensors.push_back({parameters[p].name, "F32", parameters[p].shape, [&values, &parameters, scale, seed, p] {
                         values.assign(static_cast<size_t>(parameters[p].NumElements()), 1.0f);
                         if (parameters[p].kind == ParameterSpec::Kind::kMatrix) {
                           DrawNormal(seed, static_cast<uint32_t>(p), scale, &values);
                         }
                         return std::string_view(reinterpret_cast<const char*>(values.data()),
                                                 values.size() * sizeof(float));
                       }});
  }
  return WriteSafetensors(path, tensors);
}

}  // namespace

absl::StatusOr<ModelFolderSummary> InspectModelFolder(std::string_view directory) {
  const std::string folder(directory);
  ModelFolderSummary summary;
  COHORT_ASSIGN_OR_RETURN(summary.config, LoadModelConfig(folder));
  COHORT_RETURN_IF_ERROR(CheckTokenizer(folder, summary.config));
  const std::vector<ParameterSpec> parameters =
      FindArchitecture(summary.config.architecture)->parameters(summary.config);
  COHORT_ASSIGN_OR_RETURN(const WeightFiles files, WeightFiles::Open(folder));
  COHORT_RETURN_IF_ERROR(files.Check(parameters, summary.config.tie_word_embeddings));
  summary.num_parameters = CountParameters(parameters);
  return summary;
}

absl::Status WriteRandomModel(std::string_view template_directory, std::string_view output_directory, uint64_t seed) {
  const std::string source(template_directory);
  const std::string output(output_directory);
  COHORT_ASSIGN_OR_RETURN(const ModelConfig config, LoadModelConfig(source));
  COHORT_RETURN_IF_ERROR(CheckTokenizer(source, config));
  COHORT_ASSIGN_OR_RETURN(const double scale, ReadInitializerRange(source));
  const std::vector<ParameterSpec> parameters = FindArchitecture(config.architecture)->parameters(config);
  COHORT_RETURN_IF_ERROR(CheckRoom(output, parameters));
  if (mkdir(output.c_str(), 0755) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(output, ": folder cannot be created"));
  }
  absl::Status status = CopyFolderFiles(source, output);
  if (status.ok()) {
    status = WriteRandomWeights(absl::StrCat(output, "/", kWeightsFile), parameters, scale, seed);
  }
  if (status.ok()) status = common::SyncDirectory(ParentOf(output));
  if (!status.ok()) {
    RemoveFolderFiles(output);
    rmdir(output.c_str());
  }
  return status;
}

}  // namespace cohort::model
