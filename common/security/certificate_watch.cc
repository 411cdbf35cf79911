// SPDX-License-Identifier: Apache-2.0
#include "common/security/certificate_watch.h"

#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/grpc_library.h"
#include "common/status_macros.h"
#include "common/telemetry/log.h"

namespace cohort::security {
namespace {

using grpc::experimental::FileWatcherCertificateProvider;

constexpr absl::Duration kLookInterval = absl::Seconds(1);
constexpr unsigned kGrpcLookSeconds = 1;
constexpr absl::Duration kEarlyWarning = absl::Hours(7 * 24);

void WarnOfExpiry(const std::string& file, absl::Time expires) {
  const absl::Time now = absl::Now();
  if (expires > now + kEarlyWarning) return;
  const std::string time = absl::FormatTime(absl::RFC3339_sec, expires, absl::UTCTimeZone());
  log::Warning(expires <= now ? "certificate_has_expired" : "certificate_expires_soon",
               {{"file", file}, {"expires", time}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<CertificateWatch>> CertificateWatch::Create(const CertificateFiles& files,
                                                                           CertificateMetrics* metrics) {
  common::PrepareGrpcLibrary();
  std::unique_ptr<CertificateWatch> self(new CertificateWatch(files, metrics));
  std::string identity, authorities;
  {
    absl::MutexLock lock(&self->mutex_);
    self->stamps_ = self->ReadStamps();
    COHORT_RETURN_IF_ERROR(self->Load());
    if (self->identity_.has_value()) identity = self->identity_->Path();
    if (self->authorities_.has_value()) authorities = self->authorities_->Path();
  }
  self->provider_ = std::make_shared<FileWatcherCertificateProvider>(identity, identity, authorities, kGrpcLookSeconds);
  self->thread_ = std::thread([watch = self.get()] {
    while (!watch->stop_.WaitForNotificationWithTimeout(kLookInterval)) watch->Look();
  });
  return self;
}

CertificateWatch::~CertificateWatch() {
  if (!thread_.joinable()) return;
  stop_.Notify();
  thread_.join();
}

CertificateWatch::Stamps CertificateWatch::ReadStamps() const {
  Stamps stamps;
  for (const std::string* path : {&files_.certificate, &files_.key, &files_.authorities}) {
    if (!path->empty()) stamps.push_back(StampOf(*path));
  }
  return stamps;
}

absl::Status CertificateWatch::Show(const PemText& pem, const std::string& file,
                                    std::optional<MemoryFile>* copy) const {
  if (copy->has_value()) {
    COHORT_RETURN_IF_ERROR((*copy)->Replace(pem.text));
  } else {
    COHORT_ASSIGN_OR_RETURN(*copy, MemoryFile::Create(pem.text));
  }
  WarnOfExpiry(file, pem.expires);
  if (metrics_ != nullptr) metrics_->Record(file, pem.expires);
  return absl::OkStatus();
}

absl::Status CertificateWatch::Load() {
  // Both before either is shown.
  std::optional<PemText> identity, authorities;
  if (!files_.certificate.empty()) {
    COHORT_ASSIGN_OR_RETURN(identity, LoadIdentity(files_.certificate, files_.key));
  }
  if (!files_.authorities.empty()) {
    COHORT_ASSIGN_OR_RETURN(authorities, LoadAuthorities(files_.authorities));
  }
  if (identity.has_value()) COHORT_RETURN_IF_ERROR(Show(*identity, files_.certificate, &identity_));
  if (authorities.has_value()) COHORT_RETURN_IF_ERROR(Show(*authorities, files_.authorities, &authorities_));
  return absl::OkStatus();
}

void CertificateWatch::Look() {
  absl::MutexLock lock(&mutex_);
  Stamps stamps = ReadStamps();
  // What could not be read may be readable without a change of the files: it is tried at every look.
  if (stamps == stamps_ && complaint_.ok()) return;
  stamps_ = std::move(stamps);
  const absl::Status status = Load();
  if (status.ok()) {
    log::Info("certificates_read_again", {{"certificate", files_.certificate}, {"authorities", files_.authorities}});
    has_complained_ = false;
  } else if (status == complaint_ && !has_complained_) {
    // Still so at the second look: certificate and key are two files, which are seldom replaced in one moment.
    log::Error("certificates_kept", {{"reason", status}});
    has_complained_ = true;
  } else if (status != complaint_) {
    has_complained_ = false;
  }
  complaint_ = status;
}

}  // namespace cohort::security
