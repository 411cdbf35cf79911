// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_GRPC_STATUS_H_
#define COHORT_COMMON_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cohort::common {

// The only place where a status crosses gRPC. Canonical codes map one to one. The result always carries a
// google.rpc.ErrorInfo (reason = the code's name, domain "cohort") and, for InvalidField, a google.rpc.BadRequest.
grpc::Status ToGrpcStatus(const absl::Status& status);

// An answer of a handler: fills `response` when there is one.
template <typename Answer>
grpc::Status Reply(absl::StatusOr<Answer> answer, Answer* response) {
  if (answer.ok()) *response = *std::move(answer);
  return ToGrpcStatus(answer.status());
}

// The way back; a BadRequest detail becomes the payload that InvalidField sets, and what gRPC says of a connection that
// does not come up a sentence (connect_error.h).
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace cohort::common

#endif  // COHORT_COMMON_GRPC_STATUS_H_
