// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHTS_WEIGHT_FILES_WRITER_H_
#define COHORT_MODEL_WEIGHTS_WEIGHT_FILES_WRITER_H_

// Torch-free.
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/file_system.h"
#include "model/weights/safetensors_writer.h"

namespace cohort::model {

// Most tensor bytes of one file; a larger tensor gets a shard of its own.
inline constexpr int64_t kMaxShardBytes = 5'000'000'000;

// Writes the tensors, in their order, into the existing folder `directory` as Hugging Face lays them out:
// model.safetensors when they fit into `max_shard_bytes`, else shards and, last of all, model.safetensors.index.json.
// Each file appears whole and fsynced. Weight files of an earlier write that are not part of this one are removed at
// the end. After a crash at any moment there are the old weights, the new ones or, where shards replace shards, none;
// a reader that opened an old index before must not go on meanwhile. On failure (RESOURCE_EXHAUSTED on a full disk)
// what this call wrote is removed.
absl::Status WriteWeightFiles(std::string_view directory, const std::vector<TensorToWrite>& tensors,
                              int64_t max_shard_bytes = kMaxShardBytes,
                              common::FileSystem* files = common::RealFileSystem());

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHTS_WEIGHT_FILES_WRITER_H_
