// SPDX-License-Identifier: Apache-2.0
#include "coordinator/committed_versions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/job_conditions.h"
#include "coordinator/sealed_checkpoints.h"

namespace cohort::coordinator {

absl::Status CommittedVersions::Load() {
  COHORT_ASSIGN_OR_RETURN(const auto versions, context_->store->ListVersions(ledger_->name()));
  for (const VersionRecord& version : versions) Set(version);
  return absl::OkStatus();
}

const VersionRecord* CommittedVersions::Find(int64_t version) const {
  const auto it = versions_.find(version);
  return it == versions_.end() ? nullptr : &it->second;
}

bool CommittedVersions::IsSealed(int64_t version) const {
  const VersionRecord* record = Find(version);
  return record != nullptr && !record->checkpoint_path.empty();
}

int64_t CommittedVersions::NewestSealed() const {
  const auto newest = std::find_if(versions_.rbegin(), versions_.rend(),
                                   [](const auto& entry) { return !entry.second.checkpoint_path.empty(); });
  return newest == versions_.rend() ? 0 : newest->first;
}

VersionRecord CommittedVersions::NewestUsable(int64_t version) const {
  for (auto it = versions_.upper_bound(version); it != versions_.begin();) {
    --it;
    const std::string& path = it->second.checkpoint_path;
    if (!path.empty() && context_->files->IsFolder(path)) return it->second;
  }
  return {};
}

VersionRecord CommittedVersions::SealedBefore(int64_t version) const {
  for (auto it = versions_.lower_bound(version); it != versions_.begin();) {
    --it;
    if (!it->second.checkpoint_path.empty()) return it->second;
  }
  return {};
}

VersionRecord CommittedVersions::UsableBefore(int64_t version) const {
  const VersionRecord sealed = SealedBefore(version);
  const bool is_there = !sealed.checkpoint_path.empty() && context_->files->IsFolder(sealed.checkpoint_path);
  return is_there ? sealed : VersionRecord();
}

absl::Status CommittedVersions::Seal(int64_t version, const std::string& path, const std::string& notice) {
  VersionRecord record = *Find(version);
  record.checkpoint_path = path;
  JobRecord next = ledger_->record();
  if (version >= NewestSealed()) next.job.set_checkpoint_path(path);
  JobChange change;
  change.version = record;
  if (!notice.empty()) change.events.emplace_back().set_notice(notice);
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  Set(record);
  log::Info("checkpoint_sealed", {{"job", ledger_->name()}, {"version", version}, {"path", path}});
  return absl::OkStatus();
}

absl::Status CommittedVersions::Unseal(int64_t first, int64_t last, const std::string& why) {
  for (auto it = versions_.lower_bound(first); it != versions_.end() && it->first <= last; ++it) {
    const std::string path = it->second.checkpoint_path;
    if (path.empty()) continue;
    JobRecord next = ledger_->record();
    if (next.job.checkpoint_path() == path) next.job.set_checkpoint_path(SealedBefore(first).checkpoint_path);
    JobChange change;
    change.version = it->second;
    change.version->checkpoint_path.clear();
    const std::string notice =
        absl::StrCat(why, ": the checkpoint of version ", it->first, " cannot be used (", path, ")");
    change.events.emplace_back().set_notice(notice);
    SetCondition(&next.job, cohort::v1::JobCondition::CHECKPOINT_UNUSABLE, notice, context_->clock->Now());
    COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
    it->second.checkpoint_path.clear();
    log::Error("checkpoint_unusable", {{"job", ledger_->name()}, {"version", it->first}, {"path", path}});
    context_->metrics->CheckpointsUnusable(ledger_->name()).Increment();
  }
  return absl::OkStatus();
}

absl::Status CommittedVersions::ForgetDigests(int64_t first) {
  for (auto it = versions_.lower_bound(first); it != versions_.end(); ++it) {
    if (it->second.digest.empty()) continue;
    JobChange change;
    change.version = it->second;
    change.version->digest.clear();
    COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(change)));
    it->second.digest.clear();
  }
  return absl::OkStatus();
}

absl::Status CommittedVersions::Adopt() {
  COHORT_ASSIGN_OR_RETURN(const auto on_disk,
                          ListSealedCheckpoints(context_->files, ledger_->run_folder().CheckpointDirectory()));
  const int64_t newest = ledger_->job().policy_version();
  if (!on_disk.empty() && on_disk.back().version > newest) {
    return absl::FailedPreconditionError(
        absl::StrCat("the checkpoint of version ", on_disk.back().version, " is newer than the store, which ends at ",
                     newest, ": the store is older than the run; nothing was changed (", on_disk.back().path, ")"));
  }
  for (const SealedCheckpoint& checkpoint : on_disk) {
    const VersionRecord* record = Find(checkpoint.version);
    const bool is_adopted = record != nullptr && record->checkpoint_path.empty() && !record->digest.empty() &&
                            common::HexOf(record->digest) == checkpoint.weight_digest;
    if (!is_adopted) continue;
    COHORT_RETURN_IF_ERROR(Seal(checkpoint.version, checkpoint.path,
                                absl::StrCat("adopted the checkpoint of version ", checkpoint.version,
                                             ", which was sealed but not recorded (", checkpoint.path, ")")));
  }
  return absl::OkStatus();
}

}  // namespace cohort::coordinator
