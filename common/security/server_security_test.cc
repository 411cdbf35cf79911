// SPDX-License-Identifier: Apache-2.0
// What servers do with calls: tls_test and tokens_test.
#include "common/security/server_security.h"

#include <gtest/gtest.h>

#include "common/security/testing/test_authority.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::security {
namespace {

using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

auto Create(const ServerSecurityFiles& files, std::string_view listen = "127.0.0.1:0") {
  return ServerSecurity::Create(files, listen, common::SystemClock());
}

TEST(ServerSecurityTest, FilesThatDoNotFitTogetherAreNamedByFlag) {
  EXPECT_THAT(Create({.certificate = "pem"}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tls_key")));
  EXPECT_THAT(Create({.key = "key"}), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tls_certificate")));
  EXPECT_THAT(Create({.client_authorities = "ca"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--tls_client_ca: needs --tls_certificate")));
}

TEST(ServerSecurityTest, TokensWithoutTlsStayOnLoopback) {
  const common::TempDir folder;
  const std::string tokens = folder.Join("tokens");
  WriteSecret(tokens, "SecretSecretSecretSecretSecret01 admin\n");
  for (const char* listen : {"127.0.0.1:0", "[::1]:0", "localhost:0"}) EXPECT_OK(Create({.tokens = tokens}, listen));
  for (const char* listen : {"0.0.0.0:7070", "[::]:7070", "192.0.2.1:7070", "coordinator:7070"}) {
    EXPECT_THAT(Create({.tokens = tokens}, listen),
                StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("--tls_certificate"), HasSubstr(listen))));
  }
}

TEST(ServerSecurityTest, AnUnprotectedServerForOtherMachinesIsWarnedOf) {
  CaptureStderr();
  ASSERT_OK_AND_ASSIGN(const auto loopback, Create({}));
  EXPECT_EQ(GetCapturedStderr(), "");
  CaptureStderr();
  ASSERT_OK_AND_ASSIGN(const auto open, Create({}, "0.0.0.0:7070"));
  EXPECT_THAT(GetCapturedStderr(), AllOf(HasSubstr("server_is_unprotected"), HasSubstr("0.0.0.0:7070")));
}

TEST(ServerSecurityTest, MissingFilesAreNamed) {
  EXPECT_THAT(Create({.certificate = "/nowhere/pem", .key = "/nowhere/key"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nowhere/pem")));
  EXPECT_THAT(Create({.tokens = "/nowhere/tokens"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nowhere/tokens")));
}

}  // namespace
}  // namespace cohort::security
