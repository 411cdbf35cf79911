// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/folder_digest.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cohort/v1/weights.pb.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "model/architectures/architecture_table.h"
#include "model/architectures/parameter_spec.h"
#include "model/model_config.h"
#include "model/weight_sync/manifest_digest.h"
#include "model/weights/tensor_loader.h"
#include "model/weights/weight_files.h"

namespace cohort::model {
namespace {

constexpr int64_t kValueBytes = sizeof(float);
constexpr int64_t kPieceElements = kFolderDigestBytes / kValueBytes;

// SHA-256 of the tensor's values as fp32. `piece` has room for kPieceElements.
absl::StatusOr<std::string> ValuesSha256(const WeightFiles::Tensor& tensor, int64_t num_elements,
                                         const std::function<bool()>& is_stopped, std::vector<float>* piece) {
  common::Sha256 sha256;
  for (int64_t first = 0; first < num_elements; first += kPieceElements) {
    if (is_stopped != nullptr && is_stopped()) {
      return absl::CancelledError(absl::StrCat(tensor.file->path(), ": reading was stopped"));
    }
    const int64_t count = std::min(kPieceElements, num_elements - first);
    COHORT_RETURN_IF_ERROR(ReadElements(tensor, first, count, piece->data()));
    sha256.Update(piece->data(), static_cast<size_t>(count * kValueBytes));
  }
  return sha256.Finish();
}

}  // namespace

absl::StatusOr<std::string> FolderDigest(const std::string& directory, const std::function<bool()>& is_stopped) {
  COHORT_ASSIGN_OR_RETURN(const ModelConfig config, LoadModelConfig(directory));
  const std::vector<ParameterSpec> parameters = FindArchitecture(config.architecture)->parameters(config);
  COHORT_ASSIGN_OR_RETURN(const WeightFiles files, WeightFiles::Open(directory));
  COHORT_RETURN_IF_ERROR(files.Check(parameters, config.tie_word_embeddings));
  std::vector<float> piece(static_cast<size_t>(kPieceElements));
  cohort::v1::WeightManifest manifest;  // as far as the digest depends on it
  for (const ParameterSpec& parameter : parameters) {
    cohort::v1::TensorEntry& entry = *manifest.add_tensors();
    entry.set_name(parameter.name);
    entry.set_dtype("F32");
    for (const int64_t dim : parameter.shape) entry.add_shape(dim);
    COHORT_ASSIGN_OR_RETURN(*entry.mutable_sha256(),
                            ValuesSha256(files.Get(parameter.name), parameter.NumElements(), is_stopped, &piece));
  }
  return ManifestDigest(manifest);
}

}  // namespace cohort::model
