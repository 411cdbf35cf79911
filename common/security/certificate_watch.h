// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_CERTIFICATE_WATCH_H_
#define COHORT_COMMON_SECURITY_CERTIFICATE_WATCH_H_

#include <grpcpp/security/tls_certificate_provider.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "common/security/certificate_metrics.h"
#include "common/security/memory_file.h"
#include "common/security/pem_files.h"
#include "common/security/secret_file.h"

namespace cohort::security {

// PEM files of one side of TLS; an empty path stands for none.
struct CertificateFiles {
  std::string certificate;  // own chain, with `key`
  std::string key;
  std::string authorities;  // that sign the other side's certificates
};

// Certificates for gRPC that follow their files: new handshakes use a renewed file within about two seconds. gRPC 1.51
// takes whatever it finds in a file and then refuses every handshake with a bad one, so it is shown copies in memory
// that were checked (pem_files.h): a renewed file that is damaged, or a certificate without its key, changes nothing
// and is logged as an error. Certificates that have expired or will within a week are named in the log once per file.
// A thread looks at the files every second. Thread-safe; credentials made from provider() may outlive it, and then keep
// the last certificates.
class CertificateWatch final {
 public:
  // Key and certificate come together; at least one of them or the authorities must be there. Errors name the file.
  // `metrics`, if any, learn when what is in use expires, and must outlive the watch.
  static absl::StatusOr<std::unique_ptr<CertificateWatch>> Create(const CertificateFiles& files,
                                                                  CertificateMetrics* metrics = nullptr);
  ~CertificateWatch();
  CertificateWatch(const CertificateWatch&) = delete;
  CertificateWatch& operator=(const CertificateWatch&) = delete;

  std::shared_ptr<grpc::experimental::CertificateProviderInterface> provider() const { return provider_; }
  // Looks at the files now.
  void Look();

 private:
  // What the files were when they were read last, in the order certificate, key, authorities.
  using Stamps = std::vector<absl::StatusOr<FileStamp>>;

  CertificateWatch(const CertificateFiles& files, CertificateMetrics* metrics) : files_(files), metrics_(metrics) {}
  Stamps ReadStamps() const;
  // Puts what `file` holds into the copy that gRPC reads.
  absl::Status Show(const PemText& pem, const std::string& file, std::optional<MemoryFile>* copy) const;
  absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const CertificateFiles files_;
  CertificateMetrics* const metrics_;
  absl::Mutex mutex_;
  Stamps stamps_ ABSL_GUARDED_BY(mutex_);
  absl::Status complaint_ ABSL_GUARDED_BY(mutex_);
  bool has_complained_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<MemoryFile> identity_ ABSL_GUARDED_BY(mutex_);
  std::optional<MemoryFile> authorities_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<grpc::experimental::CertificateProviderInterface> provider_;
  absl::Notification stop_;
  std::thread thread_;
};

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_CERTIFICATE_WATCH_H_
