// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_GANG_FOLDER_H_
#define COHORT_LEARNER_CHECKPOINT_GANG_FOLDER_H_

// Torch-free. The folder in which the ranks of one gang write one checkpoint before it is sealed. They meet there and
// nowhere else, for the threads that write have no process group (docs/adr/0010):
//
//   every rank   its files, each durable; then, in a gang of several, part-NNNNN.json: a manifest of them, durable
//   rank 0       waits for all of these, puts them together to manifest.json, and renames the folder
//
// Its name says which version and which gang, so every rank knows it, and no two gangs share one. In one gang a version
// has one state: a rank that writes again writes the same bytes.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "common/file_system.h"
#include "learner/checkpoint/manifest.h"
#include "learner/flat_layout.h"

namespace cohort::learner {

// One rank's hand in one checkpoint. Plain record.
struct GangFolder {
  std::string parent;  // the job's checkpoint directory, the same for all ranks
  int64_t policy_version = 0;
  std::string weight_digest;  // 32 bytes
  int64_t incarnation = 0;    // of the gang: unique in the job
  RankPlace place;
  common::FileSystem* files = common::RealFileSystem();

  // `parent`/.tmp-VERSION-gang-INCARNATION.
  std::string Path() const;
};

// What the name of such a folder says; nullopt for another name.
struct GangFolderName {
  int64_t policy_version = 0;
  int64_t incarnation = 0;
};
std::optional<GangFolderName> ParseGangFolderName(const std::string& name);

// Writes this rank's files into `directory`, each durable, and appends the name of each that it has written, also when
// it fails.
using FolderWriter = std::function<absl::Status(const std::string& directory, std::vector<std::string>* names)>;

// Writes this rank's part, with the folders above it, unless that was done before, and describes it. After a failure
// (RESOURCE_EXHAUSTED: the disk is full) its files are gone, and rank 0 is told why as far as the disk lets it; it may
// be tried again. NOT_FOUND: rank 0 has given up, or a later gang has removed the folder.
absl::StatusOr<std::vector<ManifestEntry>> WritePart(const GangFolder& folder, const FolderWriter& write);

// Tells rank 0 that this rank will not write its part, and why. Does nothing in a gang of one.
void AbandonPart(const GangFolder& folder, const absl::Status& reason);

// How rank 0 waits for the others. Called by the thread that writes.
struct PartWait {
  common::Clock* clock = common::SystemClock();
  std::function<void(absl::Duration)> pause = [](absl::Duration time) { absl::SleepFor(time); };
  // Nobody will come any more who isn't at it, or the rank is to leave soon.
  std::function<bool()> is_gang_over = [] { return false; };
};

// The files of all parts, by name, when each is there with its size. UNAVAILABLE: a rank has failed; the message has
// its reason. DEADLINE_EXCEEDED: nothing in the folder has changed for ten minutes, or for five seconds of a gang that
// is over. NOT_FOUND: the folder is gone. DATA_LOSS: what is there is not what a part says.
absl::StatusOr<std::vector<ManifestEntry>> AwaitParts(const GangFolder& folder, const PartWait& wait);

// Removes what ranks have said about their parts.
absl::Status RemovePartManifests(const GangFolder& folder);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_GANG_FOLDER_H_
