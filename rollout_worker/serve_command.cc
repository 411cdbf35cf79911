// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/serve_command.h"

#include <prometheus/registry.h>

#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/network_address.h"
#include "common/status_macros.h"
#include "common/telemetry/health.h"
#include "common/telemetry/log.h"
#include "common/telemetry/recent_lines.h"
#include "common/telemetry/telemetry_server.h"
#include "kernels/torch/torch_device.h"
#include "model/weight_sync/weight_subscriber.h"
#include "rollout_worker/rollout_worker_metrics.h"
#include "rollout_worker/worker_loop.h"

namespace cohort::rollout_worker {
namespace {

absl::Status CheckRange(const char* flag, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(flag, ": must be from ", least, " to ", most, " (", value, ")"));
}

absl::Status CheckOptions(const ServeOptions& options) {
  const absl::Status address = common::ParseAddress(options.coordinator).status();
  if (!address.ok())
    return absl::Status(address.code(), absl::StrCat("--coordinator: ", std::string(address.message())));
  if (options.worker_id.empty()) return absl::InvalidArgumentError("--worker_id: must not be empty");
  COHORT_RETURN_IF_ERROR(CheckRange("--max_sequences", options.max_sequences, 1, 65536));
  COHORT_RETURN_IF_ERROR(CheckRange("--kv_cache_tokens", options.kv_cache_tokens, 16, int64_t{1} << 34));
  COHORT_RETURN_IF_ERROR(CheckRange("--scoring_children", options.scoring_children, 1, 1024));
  return absl::OkStatus();
}

}  // namespace

absl::Status RunServe(const ServeOptions& options, common::Clock* clock, const common::Shutdown* shutdown,
                      reward::Zygote* zygote) {
  COHORT_RETURN_IF_ERROR(CheckOptions(options));
  COHORT_ASSIGN_OR_RETURN(const c10::Device device, kernels::ParseDevice(options.device));
  COHORT_ASSIGN_OR_RETURN(const auto security, security::ClientSecurity::Create(options.security, clock));
  prometheus::Registry registry;
  RolloutWorkerMetrics metrics(&registry);
  common::Health health;
  COHORT_ASSIGN_OR_RETURN(
      const std::unique_ptr<common::TelemetryServer> telemetry,
      common::TelemetryServer::Create(options.http_listen, "cohort-rollout-worker", &registry, &health));
  WorkerLoopOptions loop_options;
  loop_options.worker.set_worker_id(options.worker_id);
  loop_options.worker.set_device(options.device);
  loop_options.worker.set_processor(kernels::ReadProcessor());
  loop_options.worker.set_memory_bytes(kernels::ReadMemoryBytes(device));
  loop_options.worker.set_http_address(telemetry->Address());
  loop_options.worker.set_max_sequences(options.max_sequences);
  loop_options.coordinator = security->OpenChannel(options.coordinator);
  loop_options.engine.max_sequences = options.max_sequences;
  loop_options.engine.kv_cache_tokens = options.kv_cache_tokens;
  loop_options.device = device;
  loop_options.num_scoring_children = options.scoring_children;
  log::Info("serving", {{"worker", options.worker_id},
                        {"coordinator", options.coordinator},
                        {"device", options.device},
                        {"http", telemetry->Address()},
                        {"processor", loop_options.worker.processor()}});
  log::RecentLines lines("job");
  log::SetListener([&lines](const log::Line& line) { lines.Add(line); });
  const absl::Cleanup stop_listening([] { log::SetListener(nullptr); });
  WorkerLoop loop(
      loop_options,
      {.shutdown = shutdown, .clock = clock, .zygote = zygote, .metrics = &metrics, .health = &health, .lines = &lines},
      model::CreateWeightSubscriber(options.allow_shared_memory,
                                    [&security](std::string_view address) { return security->OpenChannel(address); }));
  COHORT_RETURN_IF_ERROR(loop.Run());
  log::Info("drained", {{"worker", options.worker_id}});
  return absl::OkStatus();
}

}  // namespace cohort::rollout_worker
