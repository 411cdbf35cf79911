// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_REFUSING_CHANNEL_H_
#define COHORT_COMMON_SECURITY_REFUSING_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>

#include "absl/status/status.h"

namespace cohort::security {

// A channel that connects to nothing and ends every call at once with `status`, which is not OK: what whoever opens
// channels hands out for a place that must not be called, so that the reason comes where the errors of calls come.
std::shared_ptr<grpc::Channel> RefusingChannel(const absl::Status& status);

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_REFUSING_CHANNEL_H_
