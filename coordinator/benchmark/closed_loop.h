// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_BENCHMARK_CLOSED_LOOP_H_
#define COHORT_COORDINATOR_BENCHMARK_CLOSED_LOOP_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "coordinator/benchmark/latency_figures.h"

namespace cohort::coordinator {

// Processor time of this process until now.
inline absl::Duration CpuTime() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  return absl::DurationFromTimeval(use.ru_utime) + absl::DurationFromTimeval(use.ru_stime);
}

// What came of a load.
struct LoadFigures {
  int64_t num_calls = 0;
  int64_t num_failed = 0;
  absl::Duration elapsed;
  absl::Duration cpu;  // of both ends
  LatencyFigures latency;

  double CallsPerSecond() const { return static_cast<double>(num_calls) / absl::ToDoubleSeconds(elapsed); }
};

// Callers on one thread that each have one call of a unary method in flight, as so many processes would: the next one
// goes out when the answer is there. Every answer is parsed, all into one message, whose memory serves again: a process
// with one call in flight can do the same. Not thread-safe.
template <typename Request, typename Response>
class ClosedLoop final {
 public:
  using Channels = std::vector<std::shared_ptr<grpc::Channel>>;

  // Callers are spread over the channels, which must outlive it.
  ClosedLoop(const Channels& channels, std::string method, int num_callers) : method_(std::move(method)) {
    for (const auto& channel : channels) stubs_.push_back(std::make_unique<Stub>(channel));
    callers_.resize(num_callers);
  }

  // Calls until `duration` has passed or every caller was told to stop: `on_answer` says whether a caller goes on.
  LoadFigures Run(absl::Duration duration, const std::function<Request(int caller)>& make_request,
                  const std::function<bool(int caller, const Response&)>& on_answer) {
    LoadFigures figures;
    const absl::Duration cpu_before = CpuTime();
    const absl::Time begin = absl::Now();
    const absl::Time deadline = begin + duration;
    for (size_t i = 0; i < callers_.size(); ++i) Send(i, make_request);
    for (int64_t num_open = static_cast<int64_t>(callers_.size()); num_open > 0;) {
      void* tag = nullptr;
      bool is_ok = false;
      if (!queue_.Next(&tag, &is_ok)) break;
      const auto i = reinterpret_cast<size_t>(tag);
      const absl::Time now = absl::Now();
      ++figures.num_calls;
      figures.latency.Add(now - callers_[i]->begin);
      if (callers_[i]->status.ok()) {
        callers_[i]->status = grpc::SerializationTraits<Response>::Deserialize(&callers_[i]->response, &response_);
      }
      if (!callers_[i]->status.ok()) ++figures.num_failed;
      const bool goes_on = callers_[i]->status.ok() && on_answer(static_cast<int>(i), response_);
      if (goes_on && now < deadline) {
        Send(i, make_request);
      } else {
        --num_open;
      }
    }
    figures.elapsed = absl::Now() - begin;
    figures.cpu = CpuTime() - cpu_before;
    return figures;
  }

 private:
  using Stub = grpc::TemplatedGenericStub<Request, grpc::ByteBuffer>;
  struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer response;
    grpc::Status status;
    absl::Time begin;
    std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> reader;
  };

  void Send(size_t i, const std::function<Request(int)>& make_request) {
    callers_[i] = std::make_unique<Call>();
    Call& call = *callers_[i];
    call.context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    call.begin = absl::Now();
    const Request request = make_request(static_cast<int>(i));
    call.reader = stubs_[i % stubs_.size()]->PrepareUnaryCall(&call.context, method_, request, &queue_);
    call.reader->StartCall();
    call.reader->Finish(&call.response, &call.status, reinterpret_cast<void*>(i));
  }

  const std::string method_;
  std::vector<std::unique_ptr<Stub>> stubs_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Call>> callers_;
  Response response_;  // the one that came last
};

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_BENCHMARK_CLOSED_LOOP_H_
