// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_BENCHMARK_READY_CLAIMS_H_
#define COHORT_COORDINATOR_BENCHMARK_READY_CLAIMS_H_

#include <grpcpp/impl/codegen/proto_utils.h>

#include <utility>

#include "cohort/v1/rollout_service.grpc.pb.h"

namespace cohort::coordinator {

// Answers every claim with the same groups, which are there already: what is left of a claim is to serialize, send and
// parse them, which no coordinator that speaks gRPC gets below. Thread-safe.
class ReadyClaims final
    : public cohort::v1::RolloutService::WithRawCallbackMethod_ClaimGroups<cohort::v1::RolloutService::Service> {
 public:
  explicit ReadyClaims(cohort::v1::ClaimGroupsResponse answer) : answer_(std::move(answer)) {}

  grpc::ServerUnaryReactor* ClaimGroups(grpc::CallbackServerContext* context, const grpc::ByteBuffer* /*request*/,
                                        grpc::ByteBuffer* response) override {
    bool is_own = false;
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::SerializationTraits<cohort::v1::ClaimGroupsResponse>::Serialize(answer_, response, &is_own));
    return reactor;
  }

 private:
  const cohort::v1::ClaimGroupsResponse answer_;
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_BENCHMARK_READY_CLAIMS_H_
