// SPDX-License-Identifier: Apache-2.0
#include "common/grpc_channel.h"

#include <gtest/gtest.h>

#include <atomic>

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

TEST_F(GrpcChannelTest, PushbackOfTheServerStopsTheAttempts) {
  EXPECT_EQ(Call({grpc::StatusCode::UNAVAILABLE, "ask later"}, /*num_failures=*/100, /*push_back=*/true).error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(num_attempts_, 1);
}

}  // namespace
}  // namespace cohort::common
