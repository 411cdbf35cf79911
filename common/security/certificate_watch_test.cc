// SPDX-License-Identifier: Apache-2.0
// What renewed files do to connections: tls_test.
#include "common/security/certificate_watch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/security/testing/test_authority.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace cohort::security {
namespace {

using ::cohort::common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

class CertificateWatchTest : public ::testing::Test {
 protected:
  void Write(const TestIdentity& identity) {
    WriteSecret(files_.certificate, identity.certificate);
    WriteSecret(files_.key, identity.key);
  }

  common::TempDir folder_;
  const TestAuthority authority_{"authority"};
  const CertificateFiles files_{
      .certificate = folder_.Join("own.pem"), .key = folder_.Join("own.key"), .authorities = ""};
};

TEST_F(CertificateWatchTest, TheFirstFilesMustBeGood) {
  EXPECT_THAT(CertificateWatch::Create(files_), StatusIs(absl::StatusCode::kNotFound, HasSubstr(files_.certificate)));
  Write(authority_.Issue());
  EXPECT_OK(CertificateWatch::Create(files_));
  WriteSecret(files_.key, "damaged");
  EXPECT_THAT(CertificateWatch::Create(files_), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(files_.key)));
}

TEST_F(CertificateWatchTest, AKeyThatComesALookLaterThanItsCertificateIsNoError) {
  Write(authority_.Issue());
  ASSERT_OK_AND_ASSIGN(const auto watch, CertificateWatch::Create(files_));
  const TestIdentity next = authority_.Issue();
  CaptureStderr();
  // The thread of the watch may look between these, too: at most once in this test's time, as a second look would.
  WriteSecret(files_.certificate, next.certificate);
  WriteSecret(files_.key, next.key);
  watch->Look();
  watch->Look();
  EXPECT_THAT(GetCapturedStderr(), AllOf(HasSubstr("certificates_read_again"), Not(HasSubstr("certificates_kept"))));
}

TEST_F(CertificateWatchTest, AFileThatIsGoneIsAnErrorOnce) {
  Write(authority_.Issue());
  ASSERT_OK_AND_ASSIGN(const auto watch, CertificateWatch::Create(files_));
  ASSERT_EQ(unlink(files_.key.c_str()), 0);
  CaptureStderr();
  for (int i = 0; i < 5; ++i) watch->Look();
  const std::string log = GetCapturedStderr();
  EXPECT_THAT(log, AllOf(HasSubstr("certificates_kept"), HasSubstr(files_.key)));
  EXPECT_EQ(log.find("certificates_kept"), log.rfind("certificates_kept"));
}

}  // namespace
}  // namespace cohort::security
