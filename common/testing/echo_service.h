// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TESTING_ECHO_SERVICE_H_
#define COHORT_COMMON_TESTING_ECHO_SERVICE_H_

#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/rpc_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/method_handler.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace cohort::common {

// A service with one unary method whose handler the test writes; no generated code. Thread-safe if the handler is.
class EchoService final : public grpc::Service {
 public:
  using Text = google::protobuf::StringValue;
  using Handler = std::function<grpc::Status(grpc::ServerContext*, const Text& request, Text* response)>;
  static constexpr char kMethod[] = "/cohort.testing.Echo/Echo";

  explicit EchoService(Handler handler) : handler_(std::move(handler)) {
    using MethodHandler = grpc::internal::RpcMethodHandler<EchoService, Text, Text, google::protobuf::MessageLite,
                                                           google::protobuf::MessageLite>;
    auto function = [](EchoService* self, grpc::ServerContext* context, const Text* request, Text* response) {
      return self->handler_(context, *request, response);
    };
    AddMethod(new grpc::internal::RpcServiceMethod(kMethod, grpc::internal::RpcMethod::NORMAL_RPC,
                                                   new MethodHandler(function, this)));
  }

 private:
  Handler handler_;
};

// One blocking call of any unary method, 30 s at most.
template <typename Request, typename Response>
grpc::Status CallUnary(const std::shared_ptr<grpc::Channel>& channel, const char* method, const Request& request,
                       Response* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const grpc::internal::RpcMethod rpc_method(method, grpc::internal::RpcMethod::NORMAL_RPC, channel);
  return grpc::internal::BlockingUnaryCall<Request, Response, google::protobuf::MessageLite,
                                           google::protobuf::MessageLite>(channel.get(), rpc_method, &context, request,
                                                                          response);
}

}  // namespace cohort::common

#endif  // COHORT_COMMON_TESTING_ECHO_SERVICE_H_
