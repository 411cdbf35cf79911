// SPDX-License-Identifier: Apache-2.0
#include "cli/checkpoint_download.h"

#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/partial_checkpoint.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

constexpr size_t kShownDigestBytes = 8;

// "models/demo/" and "models/demo" are one folder.
std::string WithoutTrailingSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// All that is missing, in as many streams as it takes.
absl::Status Fetch(JobClient* client, const CheckpointDownload& download, const std::string& name,
                   PartialCheckpoint* partial) {
  const auto next_request = [&]() -> absl::StatusOr<cohort::v1::DownloadCheckpointRequest> {
    cohort::v1::DownloadCheckpointRequest request;
    request.set_name(name);
    request.set_for_inference(download.for_inference);
    COHORT_ASSIGN_OR_RETURN(const std::vector<cohort::v1::HeldFile> held, partial->Held());
    request.mutable_held()->Assign(held.begin(), held.end());
    return request;
  };
  const auto take = [&](const cohort::v1::DownloadCheckpointResponse& part) {
    const absl::Status taken = part.has_listing() ? partial->Begin(part.listing()) : partial->Take(part.chunk());
    if (taken.ok() && download.on_progress) download.on_progress(partial->num_bytes(), partial->total_bytes());
    return taken;
  };
  return client->Download(next_request, download.patience, take);
}

absl::Status FetchAndCheck(JobClient* client, const CheckpointDownload& download, const std::string& name,
                           PartialCheckpoint* partial) {
  COHORT_ASSIGN_OR_RETURN(const std::vector<cohort::v1::HeldFile> held, partial->Held());
  COHORT_RETURN_IF_ERROR(Fetch(client, download, name, partial));
  const absl::Status checked = partial->Finish();
  // What an earlier call has left may be of anything: only what came just now counts against the server.
  if (!absl::IsDataLoss(checked) || held.empty()) return checked;
  COHORT_RETURN_IF_ERROR(Fetch(client, download, name, partial));
  return partial->Finish();
}

}  // namespace

absl::Status DownloadCheckpoint(JobClient* client, const CheckpointDownload& download, common::FileSystem* files) {
  const std::string target = WithoutTrailingSlash(download.target);
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(target, error))) {
    return absl::AlreadyExistsError(absl::StrCat(target, ": is there already, and is not touched"));
  }
  // Once, so that "latest" stays one version however long it takes.
  COHORT_ASSIGN_OR_RETURN(const cohort::v1::Checkpoint checkpoint, client->GetCheckpoint(download.name));
  if (!checkpoint.exists()) {
    return absl::NotFoundError(absl::StrCat("the checkpoint was removed (", checkpoint.name(), ")"));
  }
  const std::string id = common::HexOf(checkpoint.digest().substr(0, kShownDigestBytes));
  COHORT_ASSIGN_OR_RETURN(const auto partial, PartialCheckpoint::Open(files, absl::StrCat(target, ".partial-", id)));
  absl::Status status = FetchAndCheck(client, download, checkpoint.name(), partial.get());
  if (status.ok()) status = partial->MoveTo(target);
  if (absl::IsDataLoss(status) || absl::IsNotFound(status) || absl::IsAborted(status)) {
    partial->Remove().IgnoreError();  // the first error is the one to report
  }
  return status;
}

}  // namespace cohort::cli
