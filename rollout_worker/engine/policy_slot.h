// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_ENGINE_POLICY_SLOT_H_
#define COHORT_ROLLOUT_WORKER_ENGINE_POLICY_SLOT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "cohort/v1/weights.pb.h"
#include "common/clock.h"
#include "model/decoder.h"
#include "model/model_config.h"
#include "model/parameter_map.h"
#include "model/precision.h"
#include "model/weight_sync/weight_subscriber.h"
#include "rollout_worker/engine/engine.h"

namespace cohort::rollout_worker {

// Memory for one verified policy version: parameters, decoder, KV cache and the engine that uses them. A version
// replaces another only when no group is left in the engine, so cached keys never outlive the version that made them.
// The memory is used again when the next version is of the same job. Not thread-safe.
class PolicySlot final {
 public:
  // `clock` must outlive the slot.
  PolicySlot(const EngineOptions& options, const at::Device& device, common::Clock* clock)
      : options_(options), device_(device), clock_(clock) {}

  // Empty before the first version.
  const std::string& job() const { return job_; }
  int64_t policy_version() const { return policy_version_; }
  bool Holds(const std::string& job, int64_t policy_version) const {
    return engine_ != nullptr && job_ == job && policy_version_ == policy_version;
  }
  // The same weights in the same precision, too: a version that was replayed with another outcome, or a job of the same
  // name, is another one, and a model folder that was written anew. A folder that is gone is still what was loaded.
  bool Holds(const cohort::v1::WeightSource& source, model::Precision precision = model::Precision::kFp32) const;
  // Null before the first version.
  Engine* engine() { return engine_.get(); }
  const model::Decoder* decoder() const { return decoder_.get(); }

  // Of the weights, when they were loaded from a model folder; else empty.
  const std::string& folder_digest() const { return folder_digest_; }
  // Of the version's weights as they are fetched, which is fp32; 0 before the first.
  int64_t num_bytes() const;

  // Fetches and verifies `source`, or loads its model folder, and makes it the slot's version, to be sampled in
  // `precision`: in bf16 weights are rounded once they are verified, and the slot keeps nothing else.
  // FAILED_PRECONDITION while a group is in the engine, or when there is no such folder here; ABORTED when it has other
  // weights here than those that the job is sampled with. After an error of the fetch (DATA_LOSS: wrong checksum) the
  // slot holds what it held before, or nothing when that was of another job, model or precision or its memory is half
  // written.
  absl::Status SwitchTo(const cohort::v1::WeightSource& source, const model::ModelConfig& config,
                        model::WeightSubscriber* subscriber, model::Precision precision = model::Precision::kFp32);

 private:
  absl::Status Build(const model::ModelConfig& config, model::Precision precision);
  // Into parameters_. Returns the digest of the weights.
  absl::StatusOr<std::string> LoadFolder(const cohort::v1::WeightSource& source, const model::ModelConfig& config);
  void Clear();

  const EngineOptions options_;
  const at::Device device_;
  common::Clock* const clock_;
  std::string job_;
  int64_t policy_version_ = -1;
  std::string digest_, model_path_;  // as the version's source said
  std::string folder_state_;         // of model_path_ when it was loaded
  std::string folder_digest_;
  model::ModelConfig config_;       // what the memory below is for
  model::ParameterMap parameters_;  // on device_; the decoder's too
  std::unique_ptr<model::Decoder> decoder_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_ENGINE_POLICY_SLOT_H_
