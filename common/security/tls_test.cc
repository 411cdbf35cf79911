// SPDX-License-Identifier: Apache-2.0
// TLS between a real server and real clients on loopback, with certificates made on the spot.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "common/security/testing/protected_echo.h"
#include "common/security/testing/test_authority.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::security {
namespace {

using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    WriteSecret(ca_, authority_.Certificate());
    WriteServer(authority_.Issue());
    WriteClient(authority_.Issue("client", absl::Now() + absl::Hours(1)));
  }

  void WriteServer(const TestIdentity& identity) {
    WriteSecret(server_files_.key, identity.key);
    WriteSecret(server_files_.certificate, identity.certificate);
  }
  void WriteClient(const TestIdentity& identity) {
    WriteSecret(folder_.Join("client.key"), identity.key);
    WriteSecret(folder_.Join("client.pem"), identity.certificate);
  }
  ServerSecurityFiles WithClientAuthority() const {
    ServerSecurityFiles files = server_files_;
    files.client_authorities = ca_;
    return files;
  }
  ClientSecurityFiles WithClientCertificate() const {
    return {.authorities = ca_, .certificate = folder_.Join("client.pem"), .key = folder_.Join("client.key")};
  }
  static absl::Status Call(const ProtectedEcho& server, const ClientSecurityFiles& files) {
    const auto client = ClientSecurity::Create(files, common::SystemClock());
    return client.ok() ? server.Call(**client) : client.status();
  }
  // Calls over new connections until one succeeds, for half a minute at most.
  static absl::Status CallUntilOk(const ProtectedEcho& server, const ClientSecurityFiles& files) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    absl::Status status = Call(server, files);
    while (!status.ok() && absl::Now() < deadline) status = Call(server, files);
    return status;
  }

  common::TempDir folder_;
  const TestAuthority authority_{"authority"};
  const TestAuthority foreign_authority_{"foreign"};
  const std::string ca_ = folder_.Join("ca.pem");
  const ServerSecurityFiles server_files_{.certificate = folder_.Join("server.pem"), .key = folder_.Join("server.key")};
};

TEST_F(TlsTest, AClientThatTrustsTheAuthorityIsServed) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(server_files_));
  EXPECT_OK(Call(*server, {.authorities = ca_}));
  EXPECT_TRUE(server->last_caller().sees_all);
}

TEST_F(TlsTest, AClientWithoutTlsGetsOneSentence) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(server_files_));
  EXPECT_THAT(Call(*server, {}),
              StatusIs(absl::StatusCode::kUnavailable,
                       StartsWith("cannot connect: the server hung up at once, as one does that wants "
                                  "TLS (--tls_ca) or a client certificate (")));
  EXPECT_EQ(server->num_calls(), 0);
}

TEST_F(TlsTest, AServerWithoutTlsIsASentenceToo) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create({}));
  EXPECT_THAT(Call(*server, {.authorities = ca_}),
              StatusIs(absl::StatusCode::kUnavailable, StartsWith("cannot connect: the server does not speak TLS (")));
}

TEST_F(TlsTest, AServerOfAnotherAuthorityIsNotTrusted) {
  WriteServer(foreign_authority_.Issue());
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(server_files_));
  EXPECT_THAT(Call(*server, {.authorities = ca_}), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("in --tls_ca")));
  EXPECT_EQ(server->num_calls(), 0);
}

TEST_F(TlsTest, AnExpiredServerCertificateIsNotTrustedAndNamedInTheServersLog) {
  WriteServer(authority_.Issue("127.0.0.1", absl::Now() - absl::Minutes(1)));
  CaptureStderr();
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(server_files_));
  EXPECT_THAT(GetCapturedStderr(), AllOf(HasSubstr("certificate_has_expired"), HasSubstr(server_files_.certificate)));
  EXPECT_THAT(Call(*server, {.authorities = ca_}), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("has expired")));
}

TEST_F(TlsTest, ACertificateOfAnotherAddressIsNotTrusted) {
  WriteServer(authority_.Issue("127.0.0.2", absl::Now() + absl::Hours(1)));
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(server_files_));
  EXPECT_THAT(Call(*server, {.authorities = ca_}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("not made out to this address")));
}

TEST_F(TlsTest, MutualTlsServesWhoHasACertificateOfTheAuthority) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(WithClientAuthority()));
  EXPECT_OK(Call(*server, WithClientCertificate()));
}

TEST_F(TlsTest, MutualTlsRefusesAClientWithoutCertificate) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(WithClientAuthority()));
  EXPECT_THAT(Call(*server, {.authorities = ca_}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("or a client certificate")));
  EXPECT_EQ(server->num_calls(), 0);
}

TEST_F(TlsTest, MutualTlsRefusesForeignAndExpiredClientCertificates) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(WithClientAuthority()));
  WriteClient(foreign_authority_.Issue("client", absl::Now() + absl::Hours(1)));
  EXPECT_THAT(Call(*server, WithClientCertificate()), StatusIs(absl::StatusCode::kUnavailable));
  WriteClient(authority_.Issue("client", absl::Now() - absl::Minutes(1)));
  EXPECT_THAT(Call(*server, WithClientCertificate()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(server->num_calls(), 0);
}

// The client trusts the next authority only, so that its success shows the renewed certificate.
TEST_F(TlsTest, ARenewedServerCertificateIsUsedWithoutARestart) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(server_files_));
  const std::string next_ca = folder_.Join("next_ca.pem");
  WriteSecret(next_ca, foreign_authority_.Certificate());
  EXPECT_THAT(Call(*server, {.authorities = next_ca}), StatusIs(absl::StatusCode::kUnavailable));
  WriteServer(foreign_authority_.Issue());
  EXPECT_OK(CallUntilOk(*server, {.authorities = next_ca}));
}

TEST_F(TlsTest, RenewedAuthoritiesOfClientsAreUsedWithoutARestart) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(WithClientAuthority()));
  ClientSecurityFiles client = WithClientCertificate();
  client.authorities = folder_.Join("old_ca.pem");
  WriteSecret(client.authorities, authority_.Certificate());
  WriteClient(foreign_authority_.Issue("client", absl::Now() + absl::Hours(1)));
  EXPECT_THAT(Call(*server, client), StatusIs(absl::StatusCode::kUnavailable));
  WriteSecret(ca_, foreign_authority_.Certificate());
  EXPECT_OK(CallUntilOk(*server, client));
}

TEST_F(TlsTest, AClientFollowsItsRenewedFiles) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(WithClientAuthority()));
  WriteClient(foreign_authority_.Issue("client", absl::Now() + absl::Hours(1)));
  ASSERT_OK_AND_ASSIGN(const auto client, ClientSecurity::Create(WithClientCertificate(), common::SystemClock()));
  EXPECT_THAT(server->Call(*client), StatusIs(absl::StatusCode::kUnavailable));
  WriteClient(authority_.Issue("client", absl::Now() + absl::Hours(1)));
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  absl::Status status = server->Call(*client);
  while (!status.ok() && absl::Now() < deadline) status = server->Call(*client);
  EXPECT_OK(status);
}

// gRPC alone would take the damaged certificate and refuse every connection from then on.
TEST_F(TlsTest, ADamagedRenewalKeepsTheOldCertificateWithAnError) {
  ASSERT_OK_AND_ASSIGN(const auto server, ProtectedEcho::Create(server_files_));
  CaptureStderr();
  WriteSecret(server_files_.certificate, "damaged");
  // Longer than both of the looks that a renewal takes.
  const absl::Time end = absl::Now() + absl::Seconds(4);
  while (absl::Now() < end) ASSERT_OK(Call(*server, {.authorities = ca_}));
  EXPECT_THAT(GetCapturedStderr(), AllOf(HasSubstr("certificates_kept"), HasSubstr(server_files_.certificate)));
}

}  // namespace
}  // namespace cohort::security
