// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_GRPC_LIBRARY_H_
#define COHORT_COMMON_GRPC_LIBRARY_H_

namespace cohort::common {

// Sets up the gRPC library as every process uses it. What it prints goes to our log, at debug level: everything that
// matters comes back as a status too, and is said once, in one sentence. And it stays up until the process ends: shut
// down with its last channel or server, it waits up to 10 s for a poller of its own. Process-wide, idempotent,
// thread-safe.
void PrepareGrpcLibrary();

}  // namespace cohort::common

#endif  // COHORT_COMMON_GRPC_LIBRARY_H_
