// SPDX-License-Identifier: Apache-2.0
// Tokens between a real server and real clients on loopback.
#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/grpc_channel.h"
#include "common/security/testing/protected_echo.h"
#include "common/security/testing/test_authority.h"
#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::security {
namespace {

using ::cohort::common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

const std::string& Token(const std::string& who) {
  static auto* const tokens = new std::map<std::string, std::string>();
  std::string& token = (*tokens)[who];
  if (token.empty()) token = who + std::string(32, 'z');
  return token;
}

class TokensTest : public ::testing::Test {
 protected:
  TokensTest() {
    WriteTokens({Token("admin") + " admin", Token("worker") + " worker", Token("viewer") + " viewer *",
                 Token("submitter") + " submitter a,b"});
    server_ = *ProtectedEcho::Create({.tokens = tokens_}, &clock_);
  }
  void WriteTokens(const std::vector<std::string>& lines) {
    std::string content;
    for (const std::string& line : lines) content += line + "\n";
    WriteSecret(tokens_, content);
  }
  ClientSecurityFiles ClientFiles(const std::string& token) {
    const std::string path = folder_.Join("token_of_" + token.substr(0, 8));
    WriteSecret(path, token + "\n");
    return {.token = path};
  }
  absl::Status Call(const std::string& who, const char* method) {
    const auto client = ClientSecurity::Create(ClientFiles(Token(who)), &clock_);
    return client.ok() ? server_->Call(**client, method) : client.status();
  }

  common::TempDir folder_;
  const std::string tokens_ = folder_.Join("tokens");
  common::SimulatedClock clock_;
  std::unique_ptr<ProtectedEcho> server_;
};

TEST_F(TokensTest, EveryRoleCallsItsMethodsAndNoOthers) {
  constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
  EXPECT_OK(Call("viewer", ProtectedEcho::kGetJob));
  EXPECT_THAT(Call("viewer", ProtectedEcho::kCancelJob),
              StatusIs(kDenied, "a token of role viewer may not call /cohort.v1.JobService/CancelJob"));
  EXPECT_OK(Call("submitter", ProtectedEcho::kCreateJob));
  EXPECT_OK(Call("submitter", ProtectedEcho::kCancelJob));
  EXPECT_THAT(Call("submitter", ProtectedEcho::kClaimGroups), StatusIs(kDenied));
  EXPECT_OK(Call("worker", ProtectedEcho::kClaimGroups));
  EXPECT_THAT(Call("worker", ProtectedEcho::kCreateJob), StatusIs(kDenied));
  EXPECT_THAT(Call("worker", ProtectedEcho::kGetJob), StatusIs(kDenied));
  EXPECT_OK(Call("admin", ProtectedEcho::kCreateJob));
  EXPECT_OK(Call("admin", ProtectedEcho::kClaimGroups));
  EXPECT_EQ(server_->num_calls(), 6);
}

TEST_F(TokensTest, AMethodThatIsNotInTheTableIsDeniedToAdminsToo) {
  EXPECT_THAT(Call("admin", ProtectedEcho::kUnknown), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(server_->num_calls(), 0);
}

TEST_F(TokensTest, TheHandlerLearnsWhoCalls) {
  ASSERT_OK(Call("submitter", ProtectedEcho::kGetJob));
  EXPECT_EQ(server_->last_caller().role, Role::kSubmitter);
  EXPECT_THAT(server_->last_caller().namespaces, ElementsAre("a", "b"));
}

TEST_F(TokensTest, WithoutATokenAndWithAWrongOneNobodyIsServed) {
  EXPECT_THAT(ProtectedEcho::CallOver(common::CreateChannel(server_->Address())),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("--token_file")));
  EXPECT_THAT(Call("stranger", ProtectedEcho::kGetJob),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("not known to this server")));
  EXPECT_EQ(server_->num_calls(), 0);
}

TEST_F(TokensTest, HeadersThatAreNoBearerTokenAreRefused) {
  const auto channel = common::CreateChannel(server_->Address());
  const std::string token = Token("admin");
  for (const std::vector<std::string>& headers :
       std::vector<std::vector<std::string>>{{token},
                                             {"Basic " + token},
                                             {"Bearer"},
                                             {"Bearer "},
                                             {"Bearer  " + token},
                                             {"Bearer " + token, "Bearer " + token}}) {
    grpc::ClientContext context;
    for (const std::string& header : headers) context.AddMetadata("authorization", header);
    ProtectedEcho::Text request, response;
    const grpc::internal::RpcMethod method(ProtectedEcho::kGetJob, grpc::internal::RpcMethod::NORMAL_RPC, channel);
    const grpc::Status status =
        grpc::internal::BlockingUnaryCall<ProtectedEcho::Text, ProtectedEcho::Text, google::protobuf::MessageLite,
                                          google::protobuf::MessageLite>(channel.get(), method, &context, request,
                                                                         &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << headers[0];
  }
  EXPECT_EQ(server_->num_calls(), 0);
}

TEST_F(TokensTest, HealthNeedsNoToken) {
  google::protobuf::Int32Value response;
  EXPECT_TRUE(common::CallUnary(common::CreateChannel(server_->Address()), "/grpc.health.v1.Health/Check",
                                ProtectedEcho::Text(), &response)
                  .ok());
  EXPECT_EQ(response.value(), 1);
}

TEST_F(TokensTest, TokensAreGivenAndWithdrawnWithoutARestart) {
  const auto files = ClientFiles(Token("admin"));
  ASSERT_OK_AND_ASSIGN(const auto client, ClientSecurity::Create(files, &clock_));
  EXPECT_OK(server_->Call(*client));
  WriteTokens({Token("next") + " admin"});
  clock_.Advance(absl::Seconds(2));
  EXPECT_THAT(server_->Call(*client), StatusIs(absl::StatusCode::kUnauthenticated));
  WriteSecret(files.token, Token("next"));
  clock_.Advance(absl::Seconds(2));
  EXPECT_OK(server_->Call(*client));
}

TEST_F(TokensTest, RefusalsAreLoggedWithoutTheTokenAndAtMostOnceASecond) {
  clock_.Advance(absl::Seconds(1));
  CaptureStderr();
  EXPECT_FALSE(Call("stranger", ProtectedEcho::kGetJob).ok());
  EXPECT_FALSE(Call("worker", ProtectedEcho::kGetJob).ok());
  clock_.Advance(absl::Seconds(1));
  EXPECT_FALSE(Call("worker", ProtectedEcho::kCreateJob).ok());
  EXPECT_OK(Call("admin", ProtectedEcho::kCreateJob));
  const std::string log = GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("not known to this server"));
  EXPECT_THAT(log, Not(HasSubstr("role worker may not call /cohort.v1.JobService/GetJob")));
  EXPECT_THAT(log, HasSubstr("role worker may not call /cohort.v1.JobService/CreateJob"));
  EXPECT_THAT(log, HasSubstr("unlogged_before=1"));
  EXPECT_THAT(log, Not(HasSubstr("zzzzzz")));
}

TEST_F(TokensTest, TokensOverTlsNeedBoth) {
  const TestAuthority authority("authority");
  const TestIdentity identity = authority.Issue();
  const std::string ca = folder_.Join("ca.pem"), certificate = folder_.Join("s.pem"), key = folder_.Join("s.key");
  WriteSecret(ca, authority.Certificate());
  WriteSecret(certificate, identity.certificate);
  WriteSecret(key, identity.key);
  ASSERT_OK_AND_ASSIGN(const auto server,
                       ProtectedEcho::Create({.certificate = certificate, .key = key, .tokens = tokens_}, &clock_));
  ASSERT_OK_AND_ASSIGN(const auto no_token, ClientSecurity::Create({.authorities = ca}, &clock_));
  EXPECT_THAT(server->Call(*no_token), StatusIs(absl::StatusCode::kUnauthenticated));
  ClientSecurityFiles files = ClientFiles(Token("worker"));
  files.authorities = ca;
  ASSERT_OK_AND_ASSIGN(const auto worker, ClientSecurity::Create(files, &clock_));
  EXPECT_OK(server->Call(*worker, ProtectedEcho::kClaimGroups));
  EXPECT_THAT(server->Call(*worker, ProtectedEcho::kCreateJob), StatusIs(absl::StatusCode::kPermissionDenied));
}

}  // namespace
}  // namespace cohort::security
