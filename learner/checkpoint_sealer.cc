// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint_sealer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"
#include "learner/checkpoint/gang_folder.h"
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
  const absl::Duration start = options_.clock->Monotonic();
  (void)writer_.Finish();  // it has reported itself; the copy is free again
  // Nothing changes the last version any more: it needs no copy, nor does anything after it.
  if (IsLast(policy_version)) snapshot_ = StateSnapshot();
  absl::StatusOr<SavedState> saved =
      IsLast(policy_version) ? ViewOf(*version.state, version.part) : snapshot_.Take(*version.state, version.part);
  if (!saved.ok()) return NotBegun(version, saved.status());
  const absl::Duration stall = options_.clock->Monotonic() - start;
  options_.metrics->RecordCheckpointStall(place_.job(), absl::ToDoubleSeconds(stall));
  const Sealing sealing = {*std::move(saved), version.digest, version.needed_version};
  writer_.Start(policy_version, [this, sealing]() -> absl::Status {
    const absl::StatusOr<std::string> path = Write(sealing);
    if (path.ok()) return Record(sealing, *path);
    if (is_leader()) Discard(sealing.state.policy_version, sealing.state.place, sealing.digest);
    return path.status();
  });
}

void CheckpointSealer::NotBegun(const Version& version, const absl::Status& reason) {
  const int64_t policy_version = version.state->policy_version;
  options_.metrics->RecordCheckpointFailure(place_.job());
  log::Error("checkpoint not begun",
             {{"job", place_.job()}, {"rank", place_.rank()}, {"policy_version", policy_version}, {"reason", reason}});
  AbandonPart(FolderOf(policy_version, version.state->parameters->place(), OptionsOf(version.digest)), reason);
}

// The disk may be full: the ranks wait together for somebody to make room.
absl::Status CheckpointSealer::SealAtTheEnd(const Version& version) {
  const int64_t policy_version = version.state->policy_version;
  absl::StatusOr<SavedState> saved = ViewOf(*version.state, version.part);
  if (!saved.ok()) {
    NotBegun(version, saved.status());
    return is_leader() ? saved.status() : absl::OkStatus();
  }
  const Sealing sealing = {*std::move(saved), version.digest, version.needed_version};
  const absl::Duration start = options_.clock->Monotonic();
  while (true) {
    const absl::StatusOr<std::string> path = Write(sealing);
    if (path.ok()) return Record(sealing, *path);
    const bool is_lost = options_.membership->IsLost();
    if (!is_lost && options_.clock->Monotonic() - start + kSealPause <= PatienceAtTheEnd(policy_version)) {
      options_.pause(kSealPause);
      continue;
    }
    if (is_lost) return absl::AbortedError("the gang was dissolved");
    return is_leader() ? NotSealed(policy_version, path.status()) : absl::OkStatus();
  }
}

absl::Duration CheckpointSealer::PatienceAtTheEnd(int64_t policy_version) const {
  if (IsLast(policy_version) && !options_.membership->IsDraining()) return options_.seal_patience;
  return std::min(options_.seal_patience, kSealPatienceBeforeTheEnd);
}

absl::Status CheckpointSealer::NotSealed(int64_t policy_version, const absl::Status& reason) const {
  const std::string message =
      absl::StrCat("checkpoint of version ", policy_version, " not sealed: ", std::string(reason.message()));
  // The next gang repeats the plans since the checkpoint before and tries again. The last one has nobody after it.
  if (options_.membership->IsDraining()) return absl::InternalError(message);
  return IsLast(policy_version) ? absl::FailedPreconditionError(message) : absl::AbortedError(message);
}

SealOptions CheckpointSealer::OptionsOf(const std::string& digest) const {
  return {.parent = place_.checkpoint_directory(),
          .model_path = place_.model_path(),
          .weight_digest = digest,
          .incarnation = place_.incarnation(),
          .spec_digest = SpecDigest(place_.spec()),
          .wait = {.clock = options_.clock, .pause = options_.pause, .is_gang_over = [this] {
                     return has_left_ || options_.membership->IsLost() || options_.membership->IsDraining();
                   }}};
}

absl::StatusOr<std::string> CheckpointSealer::Write(const Sealing& sealing) {
  const absl::Duration start = options_.clock->Monotonic();
  absl::StatusOr<std::string> path = SealCheckpoint(sealing.state, OptionsOf(sealing.digest));
  if (!path.ok()) {
    options_.metrics->RecordCheckpointFailure(place_.job());
    log::Error("checkpoint not sealed", {{"job", place_.job()},
                                         {"rank", place_.rank()},
                                         {"policy_version", sealing.state.policy_version},
                                         {"reason", path.status()}});
  } else if (is_leader()) {
    options_.metrics->RecordCheckpoint(place_.job(),
                                       {.seconds = absl::ToDoubleSeconds(options_.clock->Monotonic() - start),
                                        .size_bytes = SizeBytesOf(*path),
                                        .sealed_time = options_.clock->Now()});
  }
  return path;
}

void CheckpointSealer::Discard(const Version& version) {
  Discard(version.state->policy_version, version.state->parameters->place(), version.digest);
}

void CheckpointSealer::Discard(int64_t policy_version, const RankPlace& place, const std::string& digest) {
  const absl::Status discarded = DiscardFolder(FolderOf(policy_version, place, OptionsOf(digest)));
  if (!discarded.ok()) {
    log::Warning("unsealed checkpoint not removed", {{"job", place_.job()}, {"reason", discarded}});
  }
}

absl::Status CheckpointSealer::Record(const Sealing& sealing, const std::string& path) {
  if (!is_leader()) return absl::OkStatus();  // whether it was sealed, rank 0 knows
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
                                      .recorded_version = sealing.state.policy_version,
                                      .incarnation = place_.incarnation()});
  if (!pruned.ok()) log::Warning("old checkpoints not removed", {{"job", place_.job()}, {"reason", pruned}});
  return absl::OkStatus();
}

}  // namespace cohort::learner
