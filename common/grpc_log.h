// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_GRPC_LOG_H_
#define COHORT_COMMON_GRPC_LOG_H_

namespace cohort::common {

// Sends what the gRPC library prints to our log, at debug level: everything that matters comes back as a status too,
// and is said once, in one sentence. Process-wide, idempotent, thread-safe.
void RedirectGrpcLog();

}  // namespace cohort::common

#endif  // COHORT_COMMON_GRPC_LOG_H_
