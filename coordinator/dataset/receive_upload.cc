// SPDX-License-Identifier: Apache-2.0
#include "coordinator/dataset/receive_upload.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/resource_name.h"

namespace cohort::coordinator {
namespace {

constexpr size_t kMaxChunkBytes = 1 << 20;

absl::Status CheckChunk(const std::string& chunk) {
  if (chunk.size() <= kMaxChunkBytes) return absl::OkStatus();
  return common::InvalidField("chunk", absl::StrCat(chunk.size(), " bytes"), "must be at most 1 MiB");
}

// What only the first message says must not be said otherwise later.
absl::Status CheckFurther(const cohort::v1::UploadDatasetRequest& message) {
  if (!message.parent().empty()) {
    return common::InvalidField("parent", message.parent(), "belongs into the first message");
  }
  if (!message.sha256().empty()) {
    return common::InvalidField("sha256", message.sha256(), "belongs into the first message");
  }
  return CheckChunk(message.chunk());
}

}  // namespace

absl::StatusOr<cohort::v1::UploadDatasetResponse> ReceiveUpload(
    DatasetStore* store, const std::function<bool(cohort::v1::UploadDatasetRequest*)>& read) {
  cohort::v1::UploadDatasetRequest message;
  if (!read(&message)) return common::InvalidField("sha256", "", "the first message is missing");
  COHORT_ASSIGN_OR_RETURN(const std::string name_space, ParseParent(message.parent()));
  COHORT_RETURN_IF_ERROR(CheckChunk(message.chunk()));
  COHORT_ASSIGN_OR_RETURN(const std::unique_ptr<DatasetUpload> upload,
                          store->BeginUpload(name_space, message.sha256()));
  if (upload->Exists()) return upload->Finish();
  COHORT_RETURN_IF_ERROR(upload->Append(message.chunk()));
  while (read(&message)) {
    COHORT_RETURN_IF_ERROR(CheckFurther(message));
    COHORT_RETURN_IF_ERROR(upload->Append(message.chunk()));
  }
  return upload->Finish();
}

}  // namespace cohort::coordinator
