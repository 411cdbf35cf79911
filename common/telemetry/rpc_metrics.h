// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COMMON_TELEMETRY_RPC_METRICS_H_
#define COHORT_COMMON_TELEMETRY_RPC_METRICS_H_

#include <grpcpp/support/server_interceptor.h>
#include <grpcpp/support/status.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/telemetry/metric_catalogue.h"

namespace cohort::common {

// Times and codes of a gRPC server's calls, by method: <prefix>_rpc_seconds and <prefix>_rpcs_total. Only methods that
// the server has are seen, so that there are few series. Thread-safe. The catalogue must outlive it, and it the server.
class RpcMetrics final {
 public:
  // What is known of one method; lives as long as the metrics.
  class Method final {
   public:
    Method(std::string name, prometheus::Histogram* seconds) : name_(std::move(name)), seconds_(seconds) {}

   private:
    friend class RpcMetrics;
    const std::string name_;
    prometheus::Histogram* const seconds_;
    std::array<std::atomic<prometheus::Counter*>, 17> calls_ = {};  // by code; null before the first
  };

  RpcMetrics(MetricCatalogue* catalogue, const std::string& prefix);

  // For grpc::ServerBuilder: times every call from the arrival of its headers to its status.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeInterceptors();

  // By its path, "/package.Service/Method". Counts under "Service/Method".
  Method* Find(std::string_view path) ABSL_LOCKS_EXCLUDED(mutex_);
  void Record(Method* method, grpc::StatusCode code, double seconds);

 private:
  prometheus::Family<prometheus::Histogram>* const seconds_;
  prometheus::Family<prometheus::Counter>* const calls_;
  absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<Method>, std::less<>> methods_ ABSL_GUARDED_BY(mutex_);  // by path
};

}  // namespace cohort::common

#endif  // COHORT_COMMON_TELEMETRY_RPC_METRICS_H_
