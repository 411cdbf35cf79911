// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_WEIGHT_TRANSPORT_H_
#define COHORT_MODEL_WEIGHT_SYNC_WEIGHT_TRANSPORT_H_

// Torch-free: how the bytes of a version get from a publisher into a buffer of manifest.total_bytes(). Nothing here
// verifies them.
#include "absl/status/status.h"
#include "cohort/v1/weights.grpc.pb.h"
#include "common/call_group.h"

namespace cohort::model {

// UNAVAILABLE when the publisher is on another host or its file is gone or has another size: use the stream.
absl::Status ReadSharedMemory(const cohort::v1::WeightManifest& manifest, char* bytes);

// Chunked gRPC, as one of `calls`. UNAVAILABLE when the stream breaks off or ends early, DATA_LOSS when its chunks
// leave gaps; else the server's status.
absl::Status StreamWeights(const cohort::v1::WeightManifest& manifest, cohort::v1::WeightService::StubInterface* stub,
                           common::CallGroup* calls, char* bytes);

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_WEIGHT_TRANSPORT_H_
