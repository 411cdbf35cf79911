// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/metric_catalogue.h"

namespace cohort::common {

prometheus::Counter& MetricCatalogue::AddCounter(const std::string& name, const std::string& help) {
  return AddFamily<prometheus::Counter>(name, help, /*labels=*/{}).Add({});
}

prometheus::Gauge& MetricCatalogue::AddGauge(const std::string& name, const std::string& help) {
  return AddFamily<prometheus::Gauge>(name, help, /*labels=*/{}).Add({});
}

prometheus::Histogram& MetricCatalogue::AddHistogram(const std::string& name, const std::string& help,
                                                     const prometheus::Histogram::BucketBoundaries& buckets) {
  return AddFamily<prometheus::Histogram>(name, help, /*labels=*/{}).Add({}, buckets);
}

}  // namespace cohort::common
