// SPDX-License-Identifier: Apache-2.0
#include "common/grpc_channel.h"

#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "common/grpc_limits.h"
#include "common/grpc_server.h"
#include "common/testing/echo_service.h"
#include "common/testing/status_matchers.h"

namespace cohort::common {
namespace {

using Text = EchoService::Text;

// Calls a server whose first `num_failures` answers are `failure`; counts the attempts it saw.
class GrpcChannelTest : public ::testing::Test {
 protected:
  grpc::Status Call(const grpc::Status& failure, int num_failures, bool push_back = false) {
    EchoService service([&](grpc::ServerContext* context, const Text&, Text*) {
      if (push_back) context->AddTrailingMetadata("grpc-retry-pushback-ms", "-1");
      return ++num_attempts_ <= num_failures ? failure : grpc::Status::OK;
    });
    auto server = GrpcServer::Create("127.0.0.1:0", {&service}, /*enable_reflection=*/false);
    if (!server.ok()) return grpc::Status(grpc::StatusCode::UNKNOWN, "no server");
    Text response;
    return CallUnary(CreateChannel((*server)->Address()), EchoService::kMethod, Text(), &response);
  }

  std::atomic<int> num_attempts_ = 0;
};

TEST_F(GrpcChannelTest, UnavailableIsTriedAgain) {
  EXPECT_TRUE(Call({grpc::StatusCode::UNAVAILABLE, "starting"}, /*num_failures=*/2).ok());
  EXPECT_EQ(num_attempts_, 3);
}

TEST_F(GrpcChannelTest, GivesUpAfterFiveAttempts) {
  EXPECT_EQ(Call({grpc::StatusCode::UNAVAILABLE, "down"}, /*num_failures=*/100).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(num_attempts_, 5);
}

TEST_F(GrpcChannelTest, OtherCodesAreNotTriedAgain) {
  EXPECT_EQ(Call({grpc::StatusCode::ABORTED, "stale"}, /*num_failures=*/1).error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(num_attempts_, 1);
}

// Refused here, with nothing sent: no attempt is spent on it.
TEST_F(GrpcChannelTest, MessageAboveTheLimitIsRefusedByTheSender) {
  EchoService service([&](grpc::ServerContext*, const Text&, Text*) {
    ++num_attempts_;
    return grpc::Status::OK;
  });
  ASSERT_OK_AND_ASSIGN(const auto server, GrpcServer::Create("127.0.0.1:0", {&service}, /*enable_reflection=*/false));
  Text request, response;
  request.set_value(std::string(kMaxGrpcMessageBytes + 1, 'x'));
  EXPECT_EQ(CallUnary(CreateChannel(server->Address()), EchoService::kMethod, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(num_attempts_, 0);
}

// A server under load answers the handshake late. A call with more than 256 KiB to send has one attempt, so it would
// end UNAVAILABLE when the connection is given up at once.
TEST_F(GrpcChannelTest, ServerThatIsSlowToAnswerTheHandshakeIsWaitedFor) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(listener, /*backlog=*/5), 0);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  grpc::Status status;
  std::thread caller([&] {
    Text request, response;
    request.set_value(std::string(1 << 20, 'x'));
    const std::string target = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    status = CallUnary(CreateChannel(target), EchoService::kMethod, request, &response);
  });
  const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  ASSERT_GE(connection, 0);
  // Whoever gives up connects once more.
  pollfd again = {listener, POLLIN, 0};
  EXPECT_EQ(poll(&again, 1, /*timeout=*/1000), 0);
  EchoService service([](grpc::ServerContext*, const Text&, Text*) { return grpc::Status::OK; });
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  grpc::AddInsecureChannelFromFd(server.get(), connection);
  caller.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  close(listener);
}

TEST_F(GrpcChannelTest, PushbackOfTheServerStopsTheAttempts) {
  EXPECT_EQ(Call({grpc::StatusCode::UNAVAILABLE, "ask later"}, /*num_failures=*/100, /*push_back=*/true).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(num_attempts_, 1);
}

}  // namespace
}  // namespace cohort::common
