// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_GRPC_CHANNEL_H_
#define COHORT_COMMON_GRPC_CHANNEL_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string_view>

namespace cohort::common {

// A channel to host:port as every process of ours uses it: not encrypted, no proxy, keepalive every 30 s, reconnecting
// within 2 s, and up to five attempts of a call that ended UNAVAILABLE before the first answer came (all RPCs are
// idempotent). A server that means UNAVAILABLE as its answer stops the attempts with the trailing metadata
// "grpc-retry-pushback-ms: -1". Connects lazily, never fails; every call needs a deadline.
std::shared_ptr<grpc::Channel> CreateChannel(std::string_view address);

}  // namespace cohort::common

#endif  // COHORT_COMMON_GRPC_CHANNEL_H_
