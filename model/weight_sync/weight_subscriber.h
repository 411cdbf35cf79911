// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_MODEL_WEIGHT_SYNC_WEIGHT_SUBSCRIBER_H_
#define COHORT_MODEL_WEIGHT_SYNC_WEIGHT_SUBSCRIBER_H_

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "cohort/v1/weights.pb.h"
#include "common/grpc_channel.h"
#include "model/parameter_map.h"

namespace cohort::model {

// Fetches a policy version and verifies it before anyone can use it. Not thread-safe, but for Cancel.
class WeightSubscriber {
 public:
  virtual ~WeightSubscriber() = default;

  // Overwrites `parameters` (names and shapes must match the manifest) with the version at `source`: shared memory when
  // the publisher is on this host, else chunked gRPC. Those that are bf16 get what was verified in fp32, rounded.
  // DATA_LOSS names the tensor whose checksum is wrong, or the digest that differs from source.digest. UNAVAILABLE: try
  // again. After any error but INTERNAL and RESOURCE_EXHAUSTED, which LibTorch raises in the middle of the copy,
  // `parameters` are untouched.
  virtual absl::Status Fetch(const cohort::v1::WeightSource& source, ParameterMap* parameters) = 0;

  // Ends the call that a Fetch waits for, now and every later one, with CANCELLED.
  virtual void Cancel() = 0;
};

// `allow_shared_memory` false forces gRPC. `open_channel` leads to publishers; the default is not encrypted.
std::unique_ptr<WeightSubscriber> CreateWeightSubscriber(
    bool allow_shared_memory,
    common::ChannelFactory open_channel = [](std::string_view address) { return common::CreateChannel(address); });

}  // namespace cohort::model

#endif  // COHORT_MODEL_WEIGHT_SYNC_WEIGHT_SUBSCRIBER_H_
