// SPDX-License-Identifier: Apache-2.0
#include "common/grpc_server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/field_error.h"
#include "common/grpc_channel.h"
#include "common/grpc_limits.h"
#include "common/grpc_status.h"
#include "common/testing/echo_service.h"
#include "common/testing/status_matchers.h"

namespace cohort::common {
namespace {

using Text = EchoService::Text;
using ::testing::HasSubstr;

grpc::Status Echo(grpc::ServerContext*, const Text& request, Text* response) {
  *response = request;
  return grpc::Status::OK;
}

absl::StatusOr<std::unique_ptr<GrpcServer>> Serve(EchoService* service, bool enable_reflection = false) {
  return GrpcServer::Create("127.0.0.1:0", {service}, enable_reflection);
}

Text TextOf(const std::string& value) {
  Text text;
  text.set_value(value);
  return text;
}

// grpc.health.v1: the request's service is field 1, so is the response's status (1 SERVING, 2 NOT_SERVING).
int HealthOf(const GrpcServer& server) {
  google::protobuf::Int32Value response;
  const grpc::Status status =
      CallUnary(CreateChannel(server.Address()), "/grpc.health.v1.Health/Check", Text(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.value();
}

grpc::StatusCode CallReflection(const GrpcServer& server) {
  Text response;
  return CallUnary(CreateChannel(server.Address()), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                   Text(), &response)
      .error_code();
}

TEST(GrpcServerTest, ServesOnAFreePort) {
  EchoService service(Echo);
  ASSERT_OK_AND_ASSIGN(const auto server, Serve(&service));
  EXPECT_THAT(server->Address(), ::testing::MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  Text response;
  ASSERT_TRUE(CallUnary(CreateChannel(server->Address()), EchoService::kMethod, TextOf("hi"), &response).ok());
  EXPECT_EQ(response.value(), "hi");
}

TEST(GrpcServerTest, AddressInUseIsUnavailableByName) {
  EchoService service(Echo);
  ASSERT_OK_AND_ASSIGN(const auto server, Serve(&service));
  EchoService second(Echo);
  EXPECT_THAT(GrpcServer::Create(server->Address(), {&second}, /*enable_reflection=*/false),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(server->Address())));
}

TEST(GrpcServerTest, MalformedAddressIsInvalid) {
  EXPECT_THAT(GrpcServer::Create("localhost", {}, /*enable_reflection=*/false),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("localhost")));
}

TEST(GrpcServerTest, HealthFollowsSetServing) {
  EchoService service(Echo);
  ASSERT_OK_AND_ASSIGN(const auto server, Serve(&service));
  EXPECT_EQ(HealthOf(*server), 1);
  server->SetServing(false);
  EXPECT_EQ(HealthOf(*server), 2);
  server->SetServing(true);
  EXPECT_EQ(HealthOf(*server), 1);
}

TEST(GrpcServerTest, ReflectionAnswersOnlyWhenEnabled) {
  EchoService plain_service(Echo), reflecting_service(Echo);
  ASSERT_OK_AND_ASSIGN(const auto plain, Serve(&plain_service));
  ASSERT_OK_AND_ASSIGN(const auto reflecting, Serve(&reflecting_service, /*enable_reflection=*/true));
  EXPECT_EQ(CallReflection(*plain), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(CallReflection(*reflecting), grpc::StatusCode::OK);
}

TEST(GrpcServerTest, MessageUpToTheLimitCrossesBothWays) {
  EchoService service(Echo);
  ASSERT_OK_AND_ASSIGN(const auto server, Serve(&service));
  const Text request = TextOf(std::string(kMaxGrpcMessageBytes - 16, 'x'));
  Text response;
  const grpc::Status status = CallUnary(CreateChannel(server->Address()), EchoService::kMethod, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.value(), request.value());
}

// The limit of the server is met by a client that has none.
TEST(GrpcServerTest, MessageAboveTheLimitIsRefusedByTheServer) {
  int num_calls = 0;
  EchoService service([&](grpc::ServerContext*, const Text&, Text*) {
    ++num_calls;
    return grpc::Status::OK;
  });
  ASSERT_OK_AND_ASSIGN(const auto server, Serve(&service));
  const auto channel = grpc::CreateChannel(server->Address(), grpc::InsecureChannelCredentials());
  Text response;
  EXPECT_EQ(CallUnary(channel, EchoService::kMethod, TextOf(std::string(kMaxGrpcMessageBytes + 1, 'x')), &response)
                .error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(num_calls, 0);
}

TEST(GrpcServerTest, AnswerAboveTheLimitIsRefusedByTheServer) {
  EchoService service([](grpc::ServerContext*, const Text&, Text* response) {
    response->set_value(std::string(kMaxGrpcMessageBytes + 1, 'x'));
    return grpc::Status::OK;
  });
  ASSERT_OK_AND_ASSIGN(const auto server, Serve(&service));
  grpc::ChannelArguments no_limit;
  no_limit.SetMaxReceiveMessageSize(-1);
  const auto channel = grpc::CreateCustomChannel(server->Address(), grpc::InsecureChannelCredentials(), no_limit);
  Text response;
  EXPECT_EQ(CallUnary(channel, EchoService::kMethod, Text(), &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

// The last server and channel of a process take the gRPC library down with them, unless it is kept up; after large
// messages that waited 10 s for a poller.
TEST(GrpcServerTest, LastServerIsGoneAtOnce) {
  for (int i = 0; i < 6; ++i) {
    EchoService service(Echo);
    auto server = Serve(&service);
    ASSERT_OK(server);
    const Text request = TextOf(std::string(kMaxGrpcMessageBytes - 16, 'x'));
    Text response;
    ASSERT_TRUE(CallUnary(CreateChannel((*server)->Address()), EchoService::kMethod, request, &response).ok());
    const absl::Time start = absl::Now();
    server->reset();
    EXPECT_LT(absl::Now() - start, absl::Seconds(8));
  }
}

TEST(GrpcServerTest, FieldErrorCrossesTheWireUnchanged) {
  const absl::Status error = InvalidField("rlvr.rollout.group_size", "1", "must be at least 2");
  EchoService service([&](grpc::ServerContext*, const Text&, Text*) { return ToGrpcStatus(error); });
  ASSERT_OK_AND_ASSIGN(const auto server, Serve(&service));
  Text response;
  EXPECT_EQ(FromGrpcStatus(CallUnary(CreateChannel(server->Address()), EchoService::kMethod, Text(), &response)),
            error);
}

TEST(GrpcServerTest, LongestErrorCrossesTheWire) {
  std::string message;
  while (message.size() < 10'000) message += "\xC3\xA9";  // percent-encoded: three times as long on the wire
  EchoService service(
      [&](grpc::ServerContext*, const Text&, Text*) { return ToGrpcStatus(absl::InternalError(message)); });
  ASSERT_OK_AND_ASSIGN(const auto server, Serve(&service));
  Text response;
  EXPECT_EQ(CallUnary(CreateChannel(server->Address()), EchoService::kMethod, Text(), &response).error_code(),
            grpc::StatusCode::INTERNAL);
}

TEST(GrpcServerTest, ShutdownCancelsALongPoll) {
  absl::Notification running;
  EchoService service([&](grpc::ServerContext* context, const Text&, Text*) {
    running.Notify();
    while (!context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::CANCELLED;
  });
  ASSERT_OK_AND_ASSIGN(const auto server, Serve(&service));
  std::thread client([&] {
    Text response;
    // Without CreateChannel's retries: they would go on after the server has gone.
    const auto channel = grpc::CreateChannel(server->Address(), grpc::InsecureChannelCredentials());
    EXPECT_FALSE(CallUnary(channel, EchoService::kMethod, Text(), &response).ok());
  });
  running.WaitForNotification();
  server->Shutdown(absl::Milliseconds(10));
  client.join();
}

}  // namespace
}  // namespace cohort::common
