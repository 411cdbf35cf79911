// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_GRPC_CHANNEL_H_
#define COHORT_COMMON_GRPC_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/security/credentials.h>

#include <functional>
#include <memory>
#include <string_view>

namespace cohort::common {

// A channel to host:port as every process of ours uses it: not encrypted, no proxy, keepalive every 30 s, 5 s for a
// connection to come up, reconnecting within 2 s, messages up to kMaxGrpcMessageBytes, and up to five attempts of a
// call that ended UNAVAILABLE before the first answer came (all RPCs are idempotent; a call that sent more than 256 KiB
// has one attempt). A server that means UNAVAILABLE as its answer stops the attempts with the trailing metadata
// "grpc-retry-pushback-ms: -1". Connects lazily, never fails; every call needs a deadline.
//
// A client stream that succeeded in a second attempt ends OK with an empty response (a fault of gRPC 1.51): its caller
// must look whether the answer is complete, and call again if not.
std::shared_ptr<grpc::Channel> CreateChannel(std::string_view address);

// The same with credentials: security/client_security.h makes them.
std::shared_ptr<grpc::Channel> CreateChannel(std::string_view address,
                                             const std::shared_ptr<grpc::ChannelCredentials>& credentials);

// How a process opens channels to addresses that it learns while it runs.
using ChannelFactory = std::function<std::shared_ptr<grpc::Channel>(std::string_view address)>;

}  // namespace cohort::common

#endif  // COHORT_COMMON_GRPC_CHANNEL_H_
