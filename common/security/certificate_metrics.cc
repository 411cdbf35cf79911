// SPDX-License-Identifier: Apache-2.0
#include "common/security/certificate_metrics.h"

namespace cohort::security {

CertificateMetrics::CertificateMetrics(prometheus::Registry* registry)
    : catalogue_(registry, /*owner_label=*/"", /*max_idle_owners=*/1),
      not_after_(&catalogue_, "cohort_tls_certificate_not_after_timestamp_seconds",
                 "When the first certificate of a file that the server uses expires, in seconds since 1970; absent "
                 "without TLS.",
                 {"file"}) {}

void CertificateMetrics::Record(const std::string& file, absl::Time expires) {
  not_after_.At({file}).Set(absl::ToDoubleSeconds(expires - absl::UnixEpoch()));
}

}  // namespace cohort::security
