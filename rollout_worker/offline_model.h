// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_OFFLINE_MODEL_H_
#define COHORT_ROLLOUT_WORKER_OFFLINE_MODEL_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/decoder.h"
#include "model/tokenizer/tokenizer.h"

namespace cohort::rollout_worker {

// A model folder in memory, for commands that work without services. Immutable.
struct OfflineModel {
  std::unique_ptr<model::Tokenizer> tokenizer;
  std::unique_ptr<model::Decoder> decoder;
};

// `device` is "cpu" or "cuda:N", `precision` "fp32" or "bf16". Errors name the folder or the flag and what is wrong
// with it.
absl::StatusOr<OfflineModel> LoadOfflineModel(std::string_view directory, std::string_view device,
                                              std::string_view precision);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_OFFLINE_MODEL_H_
