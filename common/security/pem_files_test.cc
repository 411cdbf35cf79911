// SPDX-License-Identifier: Apache-2.0
#include "common/security/pem_files.h"

#include <sys/stat.h>

#include "absl/time/clock.h"
#include "common/security/testing/test_authority.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::security {
namespace {

using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class PemFilesTest : public ::testing::Test {
 protected:
  void Write(const TestIdentity& identity) {
    WriteSecret(certificate_, identity.certificate);
    WriteSecret(key_, identity.key);
  }

  common::TempDir folder_;
  const std::string certificate_ = folder_.Join("server.pem");
  const std::string key_ = folder_.Join("server.key");
  const TestAuthority authority_{"authority"};
};

TEST_F(PemFilesTest, KeyAndChainBecomeOneText) {
  const absl::Time expires = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) + 3600);
  TestIdentity identity = authority_.Issue("127.0.0.1", expires);
  identity.certificate += authority_.Certificate();
  Write(identity);
  ASSERT_OK_AND_ASSIGN(const PemText pem, LoadIdentity(certificate_, key_));
  EXPECT_THAT(pem.text, AllOf(HasSubstr(identity.key), HasSubstr(identity.certificate)));
  EXPECT_EQ(pem.expires, expires);
}

TEST_F(PemFilesTest, AnExpiredCertificateIsNoError) {
  Write(authority_.Issue("127.0.0.1", absl::Now() - absl::Hours(1)));
  ASSERT_OK_AND_ASSIGN(const PemText pem, LoadIdentity(certificate_, key_));
  EXPECT_LT(pem.expires, absl::Now());
}

TEST_F(PemFilesTest, TheKeyOfAnotherCertificateIsRefusedByName) {
  Write(authority_.Issue());
  WriteSecret(key_, authority_.Issue().key);
  EXPECT_THAT(LoadIdentity(certificate_, key_),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(key_), HasSubstr(certificate_))));
}

TEST_F(PemFilesTest, FilesWithoutPemAndDamagedOnesAreRefusedByName) {
  const TestIdentity identity = authority_.Issue();
  Write(identity);
  WriteSecret(certificate_, "hello");
  EXPECT_THAT(LoadIdentity(certificate_, key_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(certificate_ + ": has no certificate")));
  EXPECT_THAT(LoadAuthorities(certificate_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(certificate_ + ": has no certificate")));
  std::string damaged = identity.certificate;
  damaged[damaged.size() / 2] = '!';
  WriteSecret(certificate_, identity.certificate + damaged);
  EXPECT_THAT(LoadIdentity(certificate_, key_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("certificate 2 is damaged")));
  WriteSecret(certificate_, identity.certificate.substr(0, identity.certificate.size() / 2));
  EXPECT_THAT(LoadAuthorities(certificate_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("certificate 1 is damaged")));
  WriteSecret(certificate_, identity.certificate);
  WriteSecret(key_, identity.certificate);
  EXPECT_THAT(LoadIdentity(certificate_, key_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(key_ + ": has no private key")));
}

TEST_F(PemFilesTest, AKeyThatOthersMayReadIsRefusedByName) {
  Write(authority_.Issue());
  ASSERT_EQ(chmod(key_.c_str(), 0644), 0);
  EXPECT_THAT(LoadIdentity(certificate_, key_), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(key_)));
}

TEST_F(PemFilesTest, AnEncryptedKeyIsRefusedWithoutAQuestion) {
  Write(authority_.Issue());
  // Of `openssl genpkey -algorithm ED25519 -aes-128-cbc`.
  WriteSecret(key_, R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhzuwcf8DhMhgICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEPKw2ZU9aMBBEIYbcTFq2LkEQBLx
v+vXmkD9447FN9vvE7qW0L+/KIzRGwbw+nxo1BLNtkwdDoYs9q3iWLPmXAN6pN5l
FwgZpnutbBLdire30V0=
-----END ENCRYPTED PRIVATE KEY-----
)");
  EXPECT_THAT(LoadIdentity(certificate_, key_),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(key_), HasSubstr("encrypted"))));
}

TEST_F(PemFilesTest, MissingFilesAreNotFoundByName) {
  EXPECT_THAT(LoadAuthorities(certificate_), StatusIs(absl::StatusCode::kNotFound, HasSubstr(certificate_)));
  WriteSecret(certificate_, authority_.Issue().certificate);
  EXPECT_THAT(LoadIdentity(certificate_, key_), StatusIs(absl::StatusCode::kNotFound, HasSubstr(key_)));
}

}  // namespace
}  // namespace cohort::security
