// SPDX-License-Identifier: Apache-2.0
// What crosses connections: tls_test and tokens_test.
#include "common/security/client_security.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/security/testing/protected_echo.h"
#include "common/security/testing/test_authority.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::security {
namespace {

using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ClientSecurityTest : public ::testing::Test {
 protected:
  static auto Create(const ClientSecurityFiles& files) { return ClientSecurity::Create(files, common::SystemClock()); }

  common::TempDir folder_;
  const std::string token_ = folder_.Join("token");
};

TEST_F(ClientSecurityTest, FilesThatDoNotFitTogetherAreNamedByFlag) {
  EXPECT_THAT(Create({.authorities = "ca", .certificate = "pem"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tls_client_key")));
  EXPECT_THAT(Create({.authorities = "ca", .key = "key"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tls_client_certificate")));
  EXPECT_THAT(Create({.certificate = "pem", .key = "key"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("needs --tls_ca")));
}

TEST_F(ClientSecurityTest, ABadTokenFileIsNamedAndItsContentIsNot) {
  EXPECT_THAT(Create({.token = token_}), StatusIs(absl::StatusCode::kNotFound, HasSubstr(token_)));
  for (const std::string content :
       {"", "secret", "SecretSecretSecretSecretSecret01 SecretSecretSecretSecretSecret02"}) {
    WriteSecret(token_, content);
    EXPECT_THAT(Create({.token = token_}),
                StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(token_), Not(HasSubstr("ecret")))));
  }
  WriteSecret(token_, "SecretSecretSecretSecretSecret01");
  EXPECT_OK(Create({.token = token_}));
  ASSERT_EQ(chmod(token_.c_str(), 0644), 0);
  EXPECT_THAT(Create({.token = token_}), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(token_)));
}

TEST_F(ClientSecurityTest, ATokenDoesNotLeaveTheMachineUnencrypted) {
  WriteSecret(token_, "SecretSecretSecretSecretSecret01");
  ASSERT_OK_AND_ASSIGN(const auto client, Create({.token = token_}));
  for (const char* address : {"192.0.2.1:7070", "coordinator:7070", "0.0.0.0:7070", "[2001:db8::1]:7070", "nonsense"}) {
    EXPECT_THAT(ProtectedEcho::CallOver(client->OpenChannel(address)),
                StatusIs(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr("--tls_ca"), HasSubstr(address))));
  }
}

TEST_F(ClientSecurityTest, WithoutAnyFileItCallsPlainServers) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create({}));
  ASSERT_OK_AND_ASSIGN(const auto client, Create({}));
  EXPECT_OK(server->Call(*client));
}

}  // namespace
}  // namespace cohort::security
