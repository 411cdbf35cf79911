// SPDX-License-Identifier: Apache-2.0
#include "common/telemetry/rpc_metrics.h"

#include <algorithm>
#include <chrono>

#include "absl/status/status.h"

namespace cohort::common {
namespace {

using grpc::experimental::InterceptionHookPoints;
using Clock = std::chrono::steady_clock;

// From under a millisecond to a long poll.
const prometheus::Histogram::BucketBoundaries kSeconds = {0.0003, 0.001, 0.003, 0.01, 0.03, 0.1,
                                                          0.3,    1,     3,     10,   30,   100};

// "/cohort.v1.JobService/GetJob" -> "JobService/GetJob".
std::string ShortName(std::string_view path) {
  const size_t end_of_service = path.rfind('/');
  const size_t dot = path.rfind('.', end_of_service);
  if (dot == std::string_view::npos) return std::string(path.substr(path.find_first_not_of('/')));
  return std::string(path.substr(dot + 1));
}

class CallTimer final : public grpc::experimental::Interceptor {
 public:
  CallTimer(RpcMetrics* metrics, RpcMetrics::Method* method) : metrics_(metrics), method_(method) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const std::chrono::duration<double> elapsed = Clock::now() - start_;
      metrics_->Record(method_, methods->GetSendStatus().error_code(), elapsed.count());
    }
    methods->Proceed();
  }

 private:
  RpcMetrics* const metrics_;
  RpcMetrics::Method* const method_;
  const Clock::time_point start_ = Clock::now();
};

class CallTimers final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit CallTimers(RpcMetrics* metrics) : metrics_(metrics) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* call) override {
    return new CallTimer(metrics_, metrics_->Find(call->method()));
  }

 private:
  RpcMetrics* const metrics_;
};

}  // namespace

RpcMetrics::RpcMetrics(MetricCatalogue* catalogue, const std::string& prefix)
    : seconds_(&catalogue->AddFamily<prometheus::Histogram>(
          prefix + "_rpc_seconds", "Time of calls by method; long polls include their wait.", {"method"})),
      calls_(&catalogue->AddFamily<prometheus::Counter>(
          prefix + "_rpcs_total", "Calls that have ended, by method and code.", {"method", "code"})) {}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> RpcMetrics::MakeInterceptors() {
  return std::make_unique<CallTimers>(this);
}

RpcMetrics::Method* RpcMetrics::Find(std::string_view path) {
  {
    absl::ReaderMutexLock lock(&mutex_);
    const auto it = methods_.find(path);
    if (it != methods_.end()) return it->second.get();
  }
  absl::MutexLock lock(&mutex_);
  std::unique_ptr<Method>& method = methods_[std::string(path)];
  if (method == nullptr) {
    const std::string name = ShortName(path);
    method = std::make_unique<Method>(name, &seconds_->Add({{"method", name}}, kSeconds));
  }
  return method.get();
}

void RpcMetrics::Record(Method* method, grpc::StatusCode code, double seconds) {
  method->seconds_->Observe(seconds);
  const auto number = static_cast<size_t>(std::clamp(static_cast<int>(code), 0, 16));
  std::atomic<prometheus::Counter*>& known = method->calls_[number];
  prometheus::Counter* counter = known.load(std::memory_order_acquire);
  if (counter == nullptr) {
    const std::string text = absl::StatusCodeToString(static_cast<absl::StatusCode>(number));
    counter = &calls_->Add({{"method", method->name_}, {"code", text}});
    known.store(counter, std::memory_order_release);
  }
  counter->Increment();
}

}  // namespace cohort::common
