// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_TESTING_TINY_MODEL_H_
#define COHORT_ROLLOUT_WORKER_TESTING_TINY_MODEL_H_

// Torch-free.
#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace cohort::rollout_worker {

// The tiny model's context and end-of-sequence token; its other ids, 1 to 17, are the characters of kTinyCharacters.
inline constexpr int64_t kTinyContext = 192;
inline constexpr int32_t kTinyEos = 0;
inline constexpr char kTinyCharacters[] = "0123456789+-*/=? ";

// Makes `directory`, which must not exist, a model folder: two layers, grouped queries, one token per character,
// weights drawn wide enough that distributions are neither flat nor peaked.
absl::Status WriteTinyModel(const std::string& directory, uint64_t seed);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_TESTING_TINY_MODEL_H_
