// SPDX-License-Identifier: Apache-2.0
#include "common/call_group.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/synchronization/notification.h"
#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/testing/echo_service.h"
#include "common/testing/status_matchers.h"

namespace cohort::common {
namespace {

using Text = EchoService::Text;

// One call of the group to `address`.
grpc::StatusCode Call(const std::string& address, CallGroup* calls) {
  const auto channel = CreateChannel(address);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  const CallGroup::Member member(calls, &context);
  const grpc::internal::RpcMethod method(EchoService::kMethod, grpc::internal::RpcMethod::NORMAL_RPC, channel);
  Text response;
  return grpc::internal::BlockingUnaryCall<Text, Text, google::protobuf::MessageLite, google::protobuf::MessageLite>(
             channel.get(), method, &context, Text(), &response)
      .error_code();
}

TEST(CallGroupTest, CancelEndsTheCallUnderWay) {
  absl::Notification arrived, ended;
  EchoService service([&](grpc::ServerContext* context, const Text&, Text*) {
    arrived.Notify();
    while (!context->IsCancelled()) ended.WaitForNotificationWithTimeout(absl::Milliseconds(5));
    return grpc::Status::OK;
  });
  ASSERT_OK_AND_ASSIGN(const auto server, GrpcServer::Create("127.0.0.1:0", {&service}, /*enable_reflection=*/false));
  CallGroup calls;
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::thread caller([&] { code = Call(server->Address(), &calls); });
  arrived.WaitForNotification();
  calls.Cancel();
  caller.join();
  EXPECT_EQ(code, grpc::StatusCode::CANCELLED);
}

TEST(CallGroupTest, LaterCallDoesNotStart) {
  std::atomic<int> num_calls = 0;
  EchoService service([&](grpc::ServerContext*, const Text&, Text*) {
    ++num_calls;
    return grpc::Status::OK;
  });
  ASSERT_OK_AND_ASSIGN(const auto server, GrpcServer::Create("127.0.0.1:0", {&service}, /*enable_reflection=*/false));
  CallGroup calls;
  EXPECT_EQ(Call(server->Address(), &calls), grpc::StatusCode::OK);
  EXPECT_FALSE(calls.IsCancelled());
  calls.Cancel();
  EXPECT_TRUE(calls.IsCancelled());
  EXPECT_EQ(Call(server->Address(), &calls), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(num_calls, 1);
}

}  // namespace
}  // namespace cohort::common
