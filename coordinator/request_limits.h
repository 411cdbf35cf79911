// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_REQUEST_LIMITS_H_
#define COHORT_COORDINATOR_REQUEST_LIMITS_H_

#include <google/protobuf/message.h>

#include "absl/status/status.h"

namespace cohort::coordinator {

// Bounds of what callers send, beyond gRPC's bound of a message: text fields of 64 KiB (addresses, ids and paths less),
// lists and maps of 1000 items (leases 65536), and 64 labels of 63 and 255 bytes. INVALID_ARGUMENT names the first
// field that is larger. Byte fields are left to who reads them. Pure.
absl::Status CheckRequestLimits(const google::protobuf::Message& request);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_REQUEST_LIMITS_H_
