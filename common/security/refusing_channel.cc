// SPDX-License-Identifier: Apache-2.0
#include "common/security/refusing_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/client_interceptor.h>

#include <utility>
#include <vector>

#include "common/grpc_library.h"
#include "common/grpc_status.h"

namespace cohort::security {
namespace {

using grpc::experimental::InterceptionHookPoints;

// Takes the call over before anything is sent.
class Refusal final : public grpc::experimental::Interceptor {
 public:
  explicit Refusal(const grpc::Status& status) : status_(status) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    const auto is_at = [methods](InterceptionHookPoints point) { return methods->QueryInterceptionHookPoint(point); };
    if (is_at(InterceptionHookPoints::PRE_SEND_MESSAGE)) methods->FailHijackedSendMessage();
    if (is_at(InterceptionHookPoints::PRE_RECV_MESSAGE)) methods->FailHijackedRecvMessage();
    if (is_at(InterceptionHookPoints::PRE_RECV_STATUS)) *methods->GetRecvStatus() = status_;
    if (is_at(InterceptionHookPoints::PRE_SEND_INITIAL_METADATA)) {
      methods->Hijack();
    } else {
      methods->Proceed();
    }
  }

 private:
  const grpc::Status status_;
};

class RefusalFactory final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit RefusalFactory(grpc::Status status) : status_(std::move(status)) {}
  grpc::experimental::Interceptor* CreateClientInterceptor(grpc::experimental::ClientRpcInfo* /*call*/) override {
    return new Refusal(status_);
  }

 private:
  const grpc::Status status_;
};

}  // namespace

std::shared_ptr<grpc::Channel> RefusingChannel(const absl::Status& status) {
  common::PrepareGrpcLibrary();
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> factories;
  factories.push_back(std::make_unique<RefusalFactory>(common::ToGrpcStatus(status)));
  return grpc::experimental::CreateCustomChannelWithInterceptors("ipv4:127.0.0.1:1", grpc::InsecureChannelCredentials(),
                                                                 grpc::ChannelArguments(), std::move(factories));
}

}  // namespace cohort::security
