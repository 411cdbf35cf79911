// SPDX-License-Identifier: Apache-2.0
#include "model/weight_sync/manifest_digest.h"

#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "model/weights/safetensors_header.h"

namespace cohort::model {
namespace {

void AppendNumber(int64_t number, std::string* bytes) {
  for (int byte = 0; byte < 8; ++byte) bytes->push_back(static_cast<char>(static_cast<uint64_t>(number) >> (8 * byte)));
}

void AppendText(const std::string& text, std::string* bytes) {
  AppendNumber(static_cast<int64_t>(text.size()), bytes);
  *bytes += text;
}

absl::Status Damaged(const std::string& tensor, const char* why) {
  return absl::DataLossError(absl::StrCat("manifest: tensor ", tensor, ": ", why));
}

}  // namespace

std::string ManifestDigest(const cohort::v1::WeightManifest& manifest) {
  common::Sha256 sha256;
  for (const cohort::v1::TensorEntry& tensor : manifest.tensors()) {
    std::string bytes;
    AppendText(tensor.name(), &bytes);
    AppendText(tensor.dtype(), &bytes);
    AppendNumber(tensor.shape_size(), &bytes);
    for (const int64_t dim : tensor.shape()) AppendNumber(dim, &bytes);
    sha256.Update(bytes + tensor.sha256());
  }
  return sha256.Finish();
}

absl::Status CheckManifest(const cohort::v1::WeightManifest& manifest) {
  int64_t offset = 0;
  for (const cohort::v1::TensorEntry& tensor : manifest.tensors()) {
    const std::vector<int64_t> shape(tensor.shape().begin(), tensor.shape().end());
    if (tensor.size_bytes() < 0 || tensor.size_bytes() != TensorSizeBytes(tensor.dtype(), shape)) {
      return Damaged(tensor.name(), "size does not follow from dtype and shape");
    }
    if (tensor.offset_bytes() != offset || __builtin_add_overflow(offset, tensor.size_bytes(), &offset)) {
      return Damaged(tensor.name(), "offset leaves a gap or overlaps");
    }
    if (tensor.sha256().size() != 32) return Damaged(tensor.name(), "checksum is not 32 bytes");
  }
  if (manifest.total_bytes() != offset) {
    return absl::DataLossError(absl::StrCat("manifest: total_bytes is not the sum of its tensors (",
                                            manifest.total_bytes(), ", not ", offset, ")"));
  }
  if (manifest.digest() != ManifestDigest(manifest)) {
    return absl::DataLossError(
        absl::StrCat("manifest: digest does not follow from its tensors (", common::HexOf(manifest.digest()), ")"));
  }
  return absl::OkStatus();
}

}  // namespace cohort::model
