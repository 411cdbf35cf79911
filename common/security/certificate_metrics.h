// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_SECURITY_CERTIFICATE_METRICS_H_
#define COHORT_COMMON_SECURITY_CERTIFICATE_METRICS_H_

#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>

#include "absl/time/time.h"
#include "common/telemetry/labeled_family.h"
#include "common/telemetry/metric_catalogue.h"

namespace cohort::security {

// When the certificates expire that a server uses, by file; without TLS there is no series. Thread-safe; the registry
// must outlive it.
class CertificateMetrics final {
 public:
  explicit CertificateMetrics(prometheus::Registry* registry);

  // The certificates of this file are used from now on; the first of them to expire does so then.
  void Record(const std::string& file, absl::Time expires);

  const common::MetricCatalogue& catalogue() const { return catalogue_; }

 private:
  common::MetricCatalogue catalogue_;
  common::LabeledFamily<prometheus::Gauge> not_after_;
};

}  // namespace cohort::security

#endif  // COHORT_COMMON_SECURITY_CERTIFICATE_METRICS_H_
