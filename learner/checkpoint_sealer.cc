// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint_sealer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "learner/checkpoint/checkpoint.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/sealed_folder.h"
#include "learner/checkpoint/train_state_file.h"

namespace cohort::learner {
namespace {

// Between tries to write the last checkpoint.
constexpr absl::Duration kSealPause = absl::Seconds(2);
// For a checkpoint of a job that can go on later: who terminates a rank soon kills it, who cancels a job waits.
constexpr absl::Duration kSealPatienceBeforeTheEnd = absl::Seconds(6);

int64_t SizeBytesOf(const std::string& path) {
  const absl::StatusOr<CheckpointManifest> manifest = ReadManifest(path);
  int64_t size_bytes = 0;
  if (!manifest.ok()) return size_bytes;
  for (const ManifestEntry& file : manifest->files) size_bytes += file.size_bytes;
  return size_bytes;
}

}  // namespace

CheckpointSealer::CheckpointSealer(const cohort::v1::JoinGangResponse& place, Options options)
    : place_(place), options_(std::move(options)) {}

bool CheckpointSealer::IsScheduled(int64_t policy_version) const {
  const int64_t every_steps = place_.spec().checkpoint().every_steps();
  return IsLast(policy_version) || (every_steps > 0 && policy_version % every_steps == 0);
}

void CheckpointSealer::Finish() {
  (void)writer_.Finish();
  snapshot_ = StateSnapshot();
}

void CheckpointSealer::Seal(const Version& version) {
  const int64_t policy_version = version.state->policy_version;
  // Recovery asked for it, and the one that is being written will do.
  if (writer_.IsBusy() && !IsScheduled(policy_version)) {
    log::Info("checkpoint left out", {{"job", place_.job()}, {"policy_version", policy_version}});
    return;
  }
  const absl::Duration start = options_.clock->Monotonic();
  (void)writer_.Finish();  // it has reported itself; the copy is free again
  // Nothing changes the last version any more: it needs no copy, nor does anything after it.
  if (IsLast(policy_version)) snapshot_ = StateSnapshot();
  absl::StatusOr<SavedState> saved = IsLast(policy_version) ? ViewOf(*version.state, version.moments)
                                                            : snapshot_.Take(*version.state, version.moments);
  if (!saved.ok()) {
    options_.metrics->RecordCheckpointFailure(place_.job());
    log::Error("checkpoint not begun",
               {{"job", place_.job()}, {"policy_version", policy_version}, {"reason", saved.status()}});
    return;
  }
  const absl::Duration stall = options_.clock->Monotonic() - start;
  options_.metrics->RecordCheckpointStall(place_.job(), absl::ToDoubleSeconds(stall));
  const Sealing sealing = {*std::move(saved), version.digest, version.needed_version};
  writer_.Start(policy_version, [this, sealing]() -> absl::Status {
    COHORT_ASSIGN_OR_RETURN(const std::string path, Write(sealing));
    return Record(sealing, path);
  });
}

// The disk may be full: the other ranks wait with this one for somebody to make room.
absl::Status CheckpointSealer::SealAtTheEnd(const Version& version) {
  (void)writer_.Finish();  // whatever became of it, it is tried again here when it was this version
  const int64_t policy_version = version.state->policy_version;
  if (IsSealed(policy_version)) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(SavedState saved, ViewOf(*version.state, version.moments));
  const Sealing sealing = {std::move(saved), version.digest, version.needed_version};
  const absl::Duration start = options_.clock->Monotonic();
  while (true) {
    const absl::StatusOr<std::string> path = Write(sealing);
    if (path.ok()) return Record(sealing, *path);
    if (options_.membership->IsLost()) return absl::AbortedError("the gang was dissolved");
    const bool is_draining = options_.membership->IsDraining();
    const absl::Duration patience = IsLast(policy_version) && !is_draining
                                        ? options_.seal_patience
                                        : std::min(options_.seal_patience, kSealPatienceBeforeTheEnd);
    if (options_.clock->Monotonic() - start + kSealPause <= patience) {
      options_.pause(kSealPause);
      continue;
    }
    const std::string message =
        absl::StrCat("checkpoint of version ", policy_version, " not sealed: ", std::string(path.status().message()));
    // The next gang repeats the plans since the checkpoint before and tries again. The last one has nobody after it.
    if (is_draining) return absl::InternalError(message);
    return IsLast(policy_version) ? absl::FailedPreconditionError(message) : absl::AbortedError(message);
  }
}

absl::StatusOr<std::string> CheckpointSealer::Write(const Sealing& sealing) {
  const absl::Duration start = options_.clock->Monotonic();
  absl::StatusOr<std::string> path = SealCheckpoint(sealing.state, {.parent = place_.checkpoint_directory(),
                                                                    .model_path = place_.model_path(),
                                                                    .weight_digest = sealing.digest,
                                                                    .incarnation = place_.incarnation(),
                                                                    .spec_digest = SpecDigest(place_.spec())});
  if (path.ok()) {
    options_.metrics->RecordCheckpoint(place_.job(),
                                       {.seconds = absl::ToDoubleSeconds(options_.clock->Monotonic() - start),
                                        .size_bytes = SizeBytesOf(*path),
                                        .sealed_time = options_.clock->Now()});
  } else {
    options_.metrics->RecordCheckpointFailure(place_.job());
    log::Error("checkpoint not sealed",
               {{"job", place_.job()}, {"policy_version", sealing.state.policy_version}, {"reason", path.status()}});
  }
  return path;
}

absl::Status CheckpointSealer::Record(const Sealing& sealing, const std::string& path) {
  cohort::v1::SealCheckpointRequest request;
  request.set_job(place_.job());
  request.set_incarnation(place_.incarnation());
  request.set_version(sealing.state.policy_version);
  request.set_path(path);
  request.set_digest(sealing.digest);
  absl::StatusOr<cohort::v1::SealCheckpointResponse> response;
  const absl::Status recorded = options_.membership->Persist([&] {
    response = options_.client->SealCheckpoint(request);
    return response.status();
  });
  if (!recorded.ok()) {
    // The coordinator adopts it from the disk before the next gang.
    log::Warning("checkpoint not recorded", {{"job", place_.job()}, {"path", path}, {"reason", recorded}});
    return recorded;
  }
  log::Info("checkpoint sealed",
            {{"job", place_.job()}, {"policy_version", sealing.state.policy_version}, {"path", path}});
  const cohort::v1::CheckpointSpec& spec = place_.spec().checkpoint();
  const absl::Status pruned = PruneCheckpoints(
      place_.checkpoint_directory(), {.keep_last = std::max(1, spec.keep_last()),
                                      .keep_every = spec.keep_every(),
                                      .kept_best = {response->best_versions().begin(), response->best_versions().end()},
                                      .needed_version = sealing.needed_version,
                                      .recorded_version = sealing.state.policy_version});
  if (!pruned.ok()) log::Warning("old checkpoints not removed", {{"job", place_.job()}, {"reason", pruned}});
  return absl::OkStatus();
}

}  // namespace cohort::learner
