// SPDX-License-Identifier: Apache-2.0
// What is true after a crash (docs/service.md): where ranks resume, checkpoints that nobody recorded, replays that come
// out otherwise than what was committed, and the payload that recovery needs.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "coordinator/job_conditions.h"
#include "coordinator/job_demand.h"
#include "coordinator/job_runtime.h"
#include "coordinator/sealed_checkpoints.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

// Pieces of work at a time: the job waits meanwhile.
constexpr int kMaxReleases = 3;

}  // namespace

absl::Status JobRuntime::PrepareStart() {
  COHORT_RETURN_IF_ERROR(Activate());
  // It was made without a sync, and the ranks write their checkpoints in it.
  const bool is_first = ledger_->record().incarnation == 0;
  const absl::Status synced = is_first && NeedsRanks(ledger_->spec()) ? ledger_->run_folder().Sync() : absl::OkStatus();
  if (!synced.ok()) return StorageTrouble("make the run folder below checkpoint_root durable", synced);
  return versions_.Adopt();
}

VersionRecord JobRuntime::ResumePoint() const {
  // Versions that unscored groups need are published again on the way from the checkpoint to the newest version.
  return versions_.NewestUsable(groups_->OldestNeededVersion(ledger_->job().policy_version()));
}

absl::Status JobRuntime::ResumeFrom(int64_t version) {
  COHORT_RETURN_IF_ERROR(versions_.Unseal(version + 1, handout_.resume_version(),
                                          absl::StrCat("the ranks resumed from version ", version)));
  handout_.ResumeFrom(version);
  return absl::OkStatus();
}

absl::Status JobRuntime::CommitReplayed(int64_t version, const std::string& digest) {
  const bool is_same = versions_.Find(version)->digest == digest;
  // Only the first word of a gang on a version counts; after that it would contradict itself.
  const bool may_differ = handout_.IsNextToConfirm(version) && !HasEnded(ledger_->job().state());
  if (!is_same && !may_differ) return CheckDigest(version, digest);
  if (!is_same) COHORT_RETURN_IF_ERROR(Diverge(version, digest));
  handout_.Confirm(version);
  return absl::OkStatus();
}

// The plans that are stored stay, that of the newest version included: what is planned is trained once, by the weights
// that are there when it is. Groups that no plan has taken were to be sampled by weights that are gone.
absl::Status JobRuntime::Diverge(int64_t version, const std::string& digest) {
  const bool is_first = !handout_.has_diverged();
  const VersionRecord record = {.version = version, .digest = digest};
  const std::string before = common::HexOf(versions_.Find(version)->digest);
  const std::string text = absl::StrCat("version ", version, ": replayed with digest ", common::HexOf(digest),
                                        ", committed was ", before.empty() ? "one of a line that was left" : before,
                                        "; the run goes on from the replayed weights");
  // Before anything else: nobody may resume from a line of history that is being left. On disk may be more than was
  // recorded, and what stays there, or comes there late from a former gang, would be adopted: versions that the replay
  // has not reached have old digests.
  COHORT_RETURN_IF_ERROR(versions_.Unseal(version, ledger_->job().policy_version(), "a replay diverged"));
  const absl::Status aside = SetCheckpointsAside(context_->files, ledger_->run_folder().CheckpointDirectory(), version);
  if (!aside.ok()) return StorageTrouble("set the checkpoints aside that a replay left", aside);
  COHORT_RETURN_IF_ERROR(versions_.ForgetDigests(version + 1));
  JobGroups::Divergence divergence;
  JobRecord next = ledger_->record();
  JobChange change;
  change.version = record;
  ForgetVersionsFrom(version, next.job.mutable_best_versions());
  // Later versions of the same replay follow from the first.
  if (is_first) {
    divergence = groups_->DivergedFrom(version);
    for (const auto* groups : {&divergence.dropped, &divergence.admitted, &divergence.sampled_again}) {
      change.groups.insert(change.groups.end(), groups->begin(), groups->end());
    }
    const auto num_dropped = static_cast<int64_t>(divergence.dropped.size());
    if (num_dropped > 0) (*next.job.mutable_dropped_groups())["diverged"] += num_dropped;
    SetCondition(&next.job, cohort::v1::JobCondition::REPLAY_DIVERGED, text, context_->clock->Now());
    change.events.emplace_back().set_notice(text);
  }
  COHORT_RETURN_IF_ERROR(ledger_->Write(std::move(next), std::move(change)));
  versions_.Set(record);
  handout_.SetDiverged();
  recorder_.Forget();
  context_->metrics->DigestMismatches(ledger_->name()).Increment();
  log::Error("replay_diverged", {{"job", ledger_->name()}, {"version", version}, {"reason", text}});
  COHORT_RETURN_IF_ERROR(groups_->Apply(divergence));
  // Nothing will be appended behind the last version.
  if (!is_sft_ && version == ledger_->job().policy_version()) recorder_.CatchUp();
  Moved();
  return absl::OkStatus();
}

void JobRuntime::ReleasePayload() {
  // A job that has ended keeps what it had.
  if (groups_ == nullptr || HasEnded(ledger_->job().state())) return;
  const int64_t recovery = ResumePoint().version;
  const VersionRecord spare = versions_.UsableBefore(recovery);
  const RetentionPoint point = {.policy_version = ledger_->job().policy_version(),
                                .recovery_version = recovery,
                                .spare_version = spare.checkpoint_path.empty() ? recovery : spare.version};
  for (int i = 0; i < kMaxReleases; ++i) {
    const auto num_released = retention_.Release(point);
    if (!num_released.ok()) NoteBlocked(num_released.status());
    if (!num_released.ok() || *num_released < PayloadRetention::kMaxReleased) return;
  }
}

}  // namespace cohort::coordinator
