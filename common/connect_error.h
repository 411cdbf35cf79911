// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_CONNECT_ERROR_H_
#define COHORT_COMMON_CONNECT_ERROR_H_

#include <string>
#include <string_view>

namespace cohort::common {

// What gRPC 1.51 says when a connection does not come up, as a sentence for people where the cause is that the two ends
// do not agree about TLS or do not trust each other's certificates; other messages are returned as they are. Pure.
std::string ExplainConnectError(std::string_view message);

}  // namespace cohort::common

#endif  // COHORT_COMMON_CONNECT_ERROR_H_
