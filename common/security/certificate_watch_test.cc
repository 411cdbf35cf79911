// SPDX-License-Identifier: Apache-2.0
// What renewed files do to connections: tls_test.
#include "common/security/certificate_watch.h"

#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <unistd.h>

#include <optional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/security/certificate_metrics.h"
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
  // What the gauge says of the certificate file; nothing without a series.
  std::optional<absl::Time> NotAfter() {
    for (const prometheus::MetricFamily& family : registry_.Collect()) {
      EXPECT_EQ(family.name, "cohort_tls_certificate_not_after_timestamp_seconds");
      for (const prometheus::ClientMetric& series : family.metric) {
        if (series.label.at(0).value != files_.certificate) continue;
        return absl::UnixEpoch() + absl::Seconds(series.gauge.value);
      }
    }
    return std::nullopt;
  }
  void Write(const TestIdentity& identity) {
    WriteSecret(files_.certificate, identity.certificate);
    WriteSecret(files_.key, identity.key);
  }

  prometheus::Registry registry_;
  CertificateMetrics metrics_{&registry_};
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

TEST_F(CertificateWatchTest, TheGaugeSaysWhenWhatIsInUseExpires) {
  EXPECT_EQ(NotAfter(), std::nullopt);
  const absl::Time soon = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now())) + absl::Hours(30);
  Write(authority_.Issue("127.0.0.1", soon));
  ASSERT_OK_AND_ASSIGN(const auto watch, CertificateWatch::Create(files_, &metrics_));
  EXPECT_EQ(NotAfter(), soon);
  const absl::Time later = soon + absl::Hours(1000);
  Write(authority_.Issue("127.0.0.1", later));
  watch->Look();
  EXPECT_EQ(NotAfter(), later);
  WriteSecret(files_.certificate, "damaged");
  watch->Look();
  EXPECT_EQ(NotAfter(), later) << "the renewed one is still in use";
}

}  // namespace
}  // namespace cohort::security
