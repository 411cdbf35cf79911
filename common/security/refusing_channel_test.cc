// SPDX-License-Identifier: Apache-2.0
#include "common/security/refusing_channel.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include "common/grpc_status.h"
#include "common/testing/echo_service.h"
#include "common/testing/status_matchers.h"

namespace cohort::security {
namespace {

using Text = common::EchoService::Text;
using ::cohort::common::StatusIs;
using Method = grpc::internal::RpcMethod;

const absl::Status& Reason() {
  static const auto* const reason = new absl::Status(absl::StatusCode::kFailedPrecondition, "not there");
  return *reason;
}

TEST(RefusingChannelTest, AUnaryCallEndsWithTheReason) {
  Text response;
  EXPECT_THAT(common::FromGrpcStatus(common::CallUnary(RefusingChannel(Reason()), "/a/b", Text(), &response)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "not there"));
}

TEST(RefusingChannelTest, AServerStreamEndsWithTheReason) {
  const auto channel = RefusingChannel(Reason());
  grpc::ClientContext context;
  const Method method("/a/b", Method::SERVER_STREAMING, channel);
  const std::unique_ptr<grpc::ClientReader<Text>> reader(
      grpc::internal::ClientReaderFactory<Text>::Create(channel.get(), method, &context, Text()));
  Text message;
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_THAT(common::FromGrpcStatus(reader->Finish()), StatusIs(absl::StatusCode::kFailedPrecondition, "not there"));
}

TEST(RefusingChannelTest, AClientStreamEndsWithTheReason) {
  const auto channel = RefusingChannel(Reason());
  grpc::ClientContext context;
  const Method method("/a/b", Method::CLIENT_STREAMING, channel);
  Text response;
  const std::unique_ptr<grpc::ClientWriter<Text>> writer(
      grpc::internal::ClientWriterFactory<Text>::Create(channel.get(), method, &context, &response));
  writer->Write(Text());
  writer->WritesDone();
  EXPECT_THAT(common::FromGrpcStatus(writer->Finish()), StatusIs(absl::StatusCode::kFailedPrecondition, "not there"));
}

}  // namespace
}  // namespace cohort::security
