// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_LABELED_FAMILY_H_
#define COHORT_COMMON_TELEMETRY_LABELED_FAMILY_H_

#include <prometheus/family.h>

#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/macros.h"
#include "absl/synchronization/mutex.h"
#include "common/telemetry/metric_catalogue.h"

namespace cohort::common {

// A metric with labels: one series for every combination of their values. `Metric` is prometheus::Counter, Gauge or
// Histogram. Thread-safe; the catalogue must outlive it, and it must outlive every update.
//
//   LabeledFamily<prometheus::Counter> dropped(&catalogue, "mail_dropped_total", "Mails dropped.", {"user", "reason"});
//   dropped.At({"ann", "spam"}).Increment();
template <typename Metric>
class LabeledFamily final {
 public:
  // One series, by its labels: looked up anew at every call, and made by the first.
  class Series final {
   public:
    Series(LabeledFamily* family, std::vector<std::string> values) : family_(family), values_(std::move(values)) {}
    void Increment(double value = 1) const {
      family_->Update(values_, [value](Metric& metric) { metric.Increment(value); });
    }
    void Set(double value) const {
      family_->Update(values_, [value](Metric& metric) { metric.Set(value); });
    }
    void Observe(double value) const {
      family_->Update(values_, [value](Metric& metric) { metric.Observe(value); });
    }
    // Makes it, so that it is there before it first changes.
    void Make() const {
      family_->Update(values_, [](Metric& /*metric*/) {});
    }
    double Value() const {
      double value = 0;
      family_->Update(values_, [&value](Metric& metric) { value = metric.Value(); });
      return value;
    }

   private:
    LabeledFamily* const family_;
    const std::vector<std::string> values_;
  };

  // `buckets` of a histogram.
  LabeledFamily(MetricCatalogue* catalogue, const std::string& name, const std::string& help,
                std::vector<std::string> labels, prometheus::Histogram::BucketBoundaries buckets = {})
      : labels_(std::move(labels)),
        buckets_(std::move(buckets)),
        owners_(&catalogue->owners()),
        is_owned_(!labels_.empty() && labels_[0] == catalogue->owner_label()),
        family_(&catalogue->AddFamily<Metric>(name, help, labels_)) {
    if (is_owned_) owners_->AddFamily([this](const std::string& owner) { RemoveSeriesOf(owner); });
  }
  LabeledFamily(const LabeledFamily&) = delete;
  LabeledFamily& operator=(const LabeledFamily&) = delete;

  // `values`: one per label, in order.
  Series At(std::vector<std::string> values) { return Series(this, std::move(values)); }

 private:
  template <typename Change>
  void Update(const std::vector<std::string>& values, Change change) {
    ABSL_ASSERT(values.size() == labels_.size());
    prometheus::Labels labels;
    for (size_t i = 0; i < labels_.size(); ++i) labels.emplace(labels_[i], values[i]);
    absl::MutexLock lock(owners_->mutex());
    if (is_owned_) {
      owners_->Touch(values[0]);
      series_[values[0]].insert(labels);
    }
    change(Find(labels));
  }

  Metric& Find(const prometheus::Labels& labels) {
    if constexpr (std::is_same_v<Metric, prometheus::Histogram>) {
      return family_->Add(labels, buckets_);
    } else {
      return family_->Add(labels);
    }
  }

  void RemoveSeriesOf(const std::string& owner) {
    const auto found = series_.find(owner);
    if (found == series_.end()) return;
    for (const prometheus::Labels& labels : found->second) family_->Remove(&Find(labels));
    series_.erase(found);
  }

  const std::vector<std::string> labels_;
  const prometheus::Histogram::BucketBoundaries buckets_;
  SeriesOwners* const owners_;
  const bool is_owned_;
  prometheus::Family<Metric>* const family_;
  std::map<std::string, std::set<prometheus::Labels>> series_;  // by owner; guarded by the owners' mutex
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TELEMETRY_LABELED_FAMILY_H_
