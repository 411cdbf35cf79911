// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_GRPC_LIMITS_H_
#define COHORT_COMMON_GRPC_LIMITS_H_

#include <cstdint>

namespace cohort::common {

// The largest message that a server or channel of ours sends or takes. A larger one is RESOURCE_EXHAUSTED at the
// sender.
inline constexpr int kMaxGrpcMessageBytes = 16 << 20;

// What a stream of payload puts into one message.
inline constexpr int64_t kGrpcPartBytes = 1 << 20;

}  // namespace cohort::common

#endif  // COHORT_COMMON_GRPC_LIMITS_H_
