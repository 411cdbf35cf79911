// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_CHECKPOINT_TRAIN_STATE_FILE_H_
#define COHORT_LEARNER_CHECKPOINT_TRAIN_STATE_FILE_H_

// Torch-free.
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cohort/v1/job.pb.h"
#include "common/file_system.h"

namespace cohort::learner {

inline constexpr char kTrainStateFile[] = "train_state.json";

// train_state.json of a checkpoint: the counters beside weights and optimizer state.
struct TrainStateRecord {
  int64_t policy_version = 0;
  int64_t num_updates = 0;  // optimizer updates so far: bias correction and learning rate depend on it
  int64_t incarnation = 0;  // of the gang that wrote it
  std::string spec_digest;  // lower-case hex of SHA-256 of the job's resolved spec
};

absl::Status WriteTrainState(std::string_view directory, const TrainStateRecord& record,
                             common::FileSystem* files = common::RealFileSystem());
// DATA_LOSS names the file.
absl::StatusOr<TrainStateRecord> ReadTrainState(std::string_view directory);

// Lower-case hex of SHA-256 over the spec's deterministic bytes.
std::string SpecDigest(const cohort::v1::JobSpec& spec);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_CHECKPOINT_TRAIN_STATE_FILE_H_
