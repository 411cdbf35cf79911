// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_METRIC_CATALOGUE_H_
#define COHORT_COMMON_TELEMETRY_METRIC_CATALOGUE_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/telemetry/series_owners.h"

namespace cohort::common {

// One metric, as the documentation lists it.
struct MetricDescription {
  std::string name;
  std::string type;  // counter, gauge or histogram
  std::vector<std::string> labels;
  std::string help;
};

// The metrics of one room: registers them, and knows what is registered even while there is no series of it. Metrics
// with labels are mostly made by labeled_family.h. Not thread-safe while metrics are added; the registry must outlive
// it.
class MetricCatalogue final {
 public:
  // Series with the label `owner_label`, always the first one, are bounded as SeriesOwners says.
  MetricCatalogue(prometheus::Registry* registry, std::string owner_label, size_t max_idle_owners)
      : registry_(registry), owner_label_(std::move(owner_label)), owners_(max_idle_owners) {}

  // Metrics without labels.
  prometheus::Counter& AddCounter(const std::string& name, const std::string& help);
  prometheus::Gauge& AddGauge(const std::string& name, const std::string& help);
  prometheus::Histogram& AddHistogram(const std::string& name, const std::string& help,
                                      const prometheus::Histogram::BucketBoundaries& buckets);

  // A metric with labels, without series at first. `Metric` is prometheus::Counter, Gauge or Histogram.
  template <typename Metric>
  prometheus::Family<Metric>& AddFamily(const std::string& name, const std::string& help,
                                        const std::vector<std::string>& labels) {
    if constexpr (std::is_same_v<Metric, prometheus::Counter>) {
      descriptions_.push_back({.name = name, .type = "counter", .labels = labels, .help = help});
      return prometheus::BuildCounter().Name(name).Help(help).Register(*registry_);
    } else if constexpr (std::is_same_v<Metric, prometheus::Histogram>) {
      descriptions_.push_back({.name = name, .type = "histogram", .labels = labels, .help = help});
      return prometheus::BuildHistogram().Name(name).Help(help).Register(*registry_);
    } else {
      descriptions_.push_back({.name = name, .type = "gauge", .labels = labels, .help = help});
      return prometheus::BuildGauge().Name(name).Help(help).Register(*registry_);
    }
  }

  // For labeled_family.h.
  const std::string& owner_label() const { return owner_label_; }

  SeriesOwners& owners() { return owners_; }
  // In order of registration.
  const std::vector<MetricDescription>& descriptions() const { return descriptions_; }

 private:
  prometheus::Registry* const registry_;
  const std::string owner_label_;
  SeriesOwners owners_;
  std::vector<MetricDescription> descriptions_;
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TELEMETRY_METRIC_CATALOGUE_H_
