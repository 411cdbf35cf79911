// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_WEIGHT_PUBLISHER_H_
#define COHORT_MODEL_WEIGHT_SYNC_WEIGHT_PUBLISHER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "cohort/v1/weights.grpc.pb.h"
#include "model/parameter_map.h"

namespace cohort::model {

// Holds policy versions as byte streams in shared memory and serves them: readers on this host read the file, others
// stream it. Thread-safe. The destructor removes its shared-memory files.
class WeightPublisher {
 public:
  // `directory` is where the files go, normally /dev/shm.
  static absl::StatusOr<std::unique_ptr<WeightPublisher>> Create(std::string_view directory);
  virtual ~WeightPublisher() = default;

  // Copies the parameters; they may change as soon as this returns. Publishing a version again with equal bytes is a
  // no-op, with other bytes FAILED_PRECONDITION.
  virtual absl::StatusOr<cohort::v1::WeightManifest> Publish(const std::string& job, int64_t policy_version,
                                                             const ParameterMap& parameters) = 0;
  // Drops the job's versions below this one; transfers under way finish.
  virtual void Retire(const std::string& job, int64_t oldest_needed_version) = 0;
  // To be registered with a gRPC server; owned by the publisher.
  virtual cohort::v1::WeightService::Service* service() = 0;
};

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_WEIGHT_PUBLISHER_H_
