// SPDX-License-Identifier: Apache-2.0
#include "coordinator/benchmark/submit_measurement.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cohort/v1/job_service.grpc.pb.h"
#include "common/file_system.h"
#include "common/status_macros.h"
#include "coordinator/benchmark/latency_figures.h"
#include "coordinator/benchmark/measured_coordinator.h"

namespace cohort::coordinator {
namespace {

constexpr int kSubmitsPerSecond = 500;
constexpr int kNumClients = 16;
constexpr int64_t kNumRows = 100;
constexpr int kNumSyncs = 500;
constexpr int64_t kPageBytes = 4096;

// Of pages that are appended and synced one by one: no durable submit can be faster.
absl::StatusOr<LatencyFigures> MeasureSyncs(const std::string& folder) {
  COHORT_ASSIGN_OR_RETURN(const auto file,
                          common::RealFileSystem()->Open(folder + "/synced-pages", common::FileSystem::Mode::kReplace));
  const std::string page(kPageBytes, 'p');
  LatencyFigures latencies;
  for (int i = 0; i < kNumSyncs; ++i) {
    const absl::Time begin = absl::Now();
    COHORT_RETURN_IF_ERROR(file->Write(page, i * kPageBytes));
    COHORT_RETURN_IF_ERROR(file->Sync());
    latencies.Add(absl::Now() - begin);
  }
  return latencies;
}

// So that no submit pays for a connection.
void Warm(cohort::v1::JobService::Stub* stub) {
  grpc::ClientContext context;
  cohort::v1::GetJobRequest request;
  request.set_name("namespaces/default/jobs/none");
  cohort::v1::Job job;
  (void)stub->GetJob(&context, request, &job);
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureSubmits(const std::string& folder, double seconds) {
  COHORT_RETURN_IF_ERROR(WriteProblems(folder, kNumRows));
  COHORT_ASSIGN_OR_RETURN(const auto measured, MeasuredCoordinator::Open({.folder = folder}));
  COHORT_ASSIGN_OR_RETURN(const LatencyFigures syncs, MeasureSyncs(folder));
  std::vector<std::unique_ptr<cohort::v1::JobService::Stub>> stubs;
  for (const auto& channel : measured->Connect(kNumClients)) {
    stubs.push_back(cohort::v1::JobService::NewStub(channel));
    Warm(stubs.back().get());
  }
  const int num_submits = static_cast<int>(seconds * kSubmitsPerSecond);
  std::vector<std::thread> clients;
  std::vector<LatencyFigures> latencies(kNumClients);
  std::atomic<int> num_failed = 0;
  const absl::Time begin = absl::Now() + absl::Milliseconds(100);
  for (int client = 0; client < kNumClients; ++client) {
    clients.emplace_back([&, client] {
      for (int i = client; i < num_submits; i += kNumClients) {
        const absl::Time due = begin + absl::Seconds(static_cast<double>(i) / kSubmitsPerSecond);
        absl::SleepFor(due - absl::Now());
        cohort::v1::CreateJobRequest request;
        request.set_job_id(absl::StrCat("job-", i));
        request.set_request_id(absl::StrCat("request-", i));
        *request.mutable_job()->mutable_spec() = MeasuredSpec(/*num_groups=*/64, /*group_size=*/8, /*max_tokens=*/256);
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
        cohort::v1::Job job;
        if (!stubs[client]->CreateJob(&context, request, &job).ok()) ++num_failed;
        latencies[client].Add(absl::Now() - due);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  const absl::Duration elapsed = absl::Now() - begin;
  if (num_failed > 0) return absl::InternalError(absl::StrCat(num_failed.load(), " submits failed"));
  for (int i = 0; i < num_submits; ++i) {
    COHORT_RETURN_IF_ERROR(
        measured->coordinator().context().store->GetJob(absl::StrCat("namespaces/default/jobs/job-", i)).status());
  }
  LatencyFigures all;
  for (const LatencyFigures& latency : latencies) all.Add(latency);
  return nlohmann::json{{"submits", num_submits},
                        {"submits_per_second", num_submits / absl::ToDoubleSeconds(elapsed)},
                        {"p50_ms", all.Quantile(0.5)},
                        {"p99_ms", all.Quantile(0.99)},
                        {"max_ms", all.Quantile(1)},
                        {"disk_sync_p50_ms", syncs.Quantile(0.5)},
                        {"disk_sync_p99_ms", syncs.Quantile(0.99)}};
}

}  // namespace cohort::coordinator
