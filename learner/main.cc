// SPDX-License-Identifier: Apache-2.0
// cohort-learner: one rank of a gang, or recorded steps again (replay).
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/exit_codes.h"
#include "common/grpc_server.h"
#include "common/security/certificate_metrics.h"
#include "common/security/client_security.h"
#include "common/security/server_security.h"
#include "common/shutdown.h"
#include "common/status_macros.h"
#include "common/telemetry/health.h"
#include "common/telemetry/log.h"
#include "common/telemetry/recent_lines.h"
#include "common/telemetry/telemetry_server.h"
#include "kernels/torch/tensor_memory.h"
#include "learner/learner_device.h"
#include "learner/learner_flags.h"
#include "learner/learner_loop.h"
#include "learner/learner_metrics.h"
#include "learner/replay/replay_command.h"

namespace cohort::learner {
namespace {

constexpr char kSharedMemoryDirectory[] = "/dev/shm";
constexpr int64_t kJoinWaitSeconds = 10;

absl::Status Run(const LearnerFlags& flags, const LearnerDevice& device, common::Shutdown* shutdown) {
  COHORT_RETURN_IF_ERROR(log::Configure("cohort-learner", flags.log_level));
  at::set_num_threads(flags.threads);
  kernels::TensorMemory tensors(device.device);  // before there are any
  prometheus::Registry registry;
  LearnerMetrics metrics(&registry);
  security::CertificateMetrics certificates(&registry);
  common::Health health;
  COHORT_ASSIGN_OR_RETURN(const auto telemetry,
                          common::TelemetryServer::Create(flags.http_listen, "cohort-learner", &registry, &health));
  COHORT_ASSIGN_OR_RETURN(const auto publisher, model::WeightPublisher::Create(kSharedMemoryDirectory));
  COHORT_ASSIGN_OR_RETURN(const auto server_security,
                          security::ServerSecurity::Create(flags.server_security, flags.listen, common::SystemClock(),
                                                           /*admitting_service=*/"", &certificates));
  COHORT_ASSIGN_OR_RETURN(const auto client_security,
                          security::ClientSecurity::Create(flags.client_security, common::SystemClock()));
  COHORT_ASSIGN_OR_RETURN(const auto server,
                          common::GrpcServer::Create(flags.listen, {publisher->service()},
                                                     /*enable_reflection=*/false, server_security->credentials()));
  COHORT_ASSIGN_OR_RETURN(const auto rendezvous, model::RendezvousServer::Create(flags.host));

  cohort::v1::JoinGangRequest join;
  join.set_learner_id(flags.learner_id);
  join.set_device(flags.device);
  join.set_processor(device.processor);
  join.set_memory_bytes(device.memory_bytes);
  COHORT_ASSIGN_OR_RETURN(*join.mutable_weight_service_address(), ReachableAddress(flags, server->Address()));
  join.set_store_address(rendezvous->Address());
  join.set_http_address(telemetry->Address());
  join.mutable_wait()->set_seconds(kJoinWaitSeconds);

  LearnerClient client(client_security->OpenChannel(flags.coordinator));
  log::RecentLines lines("job");
  log::SetListener([&lines](const log::Line& line) { lines.Add(line); });
  const absl::Cleanup stop_listening([] { log::SetListener(nullptr); });
  GangMembership membership({.learner_id = flags.learner_id, .lines = &lines}, &client, shutdown,
                            common::SystemClock());
  health.SetReady();
  log::Info("learner started", {{"learner_id", flags.learner_id},
                                {"device", flags.device},
                                {"weight_service", join.weight_service_address()},
                                {"http", join.http_address()},
                                {"coordinator", flags.coordinator}});
  return RunLearner(join, {.client = &client,
                           .membership = &membership,
                           .publisher = publisher.get(),
                           .clock = common::SystemClock(),
                           .metrics = &metrics,
                           .tensors = &tensors,
                           .create_group = device.create_group,
                           .weight_service_address = join.weight_service_address(),
                           .host = flags.host,
                           .device = device.device,
                           .seal_patience = absl::Seconds(flags.seal_patience_seconds)});
}

// Exit code of `replay`.
int RunReplay(const ReplayFlags& flags) {
  absl::Status status = log::Configure("cohort-learner", "warning");
  at::set_num_threads(flags.threads);
  if (status.ok()) status = RunReplayCommand(flags, std::cout);
  if (status.ok()) return common::kExitOk;
  std::cerr << "cohort-learner replay: " << status.message() << "\n";
  if (absl::IsNotFound(status)) return common::kExitNotFound;
  return absl::IsInvalidArgument(status) ? common::kExitUsage : common::kExitFailure;
}

}  // namespace
}  // namespace cohort::learner

int main(int argc, char** argv) {
  // Debian builds Abseil with it on, for every lock of the process; tests keep it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  cohort::learner::LearnerFlags flags;
  CLI::App app("One rank of a gang: turns scored groups into the next policy version.", "cohort-learner");
  cohort::learner::AddLearnerFlags(&app, &flags);
  cohort::learner::ReplayFlags replay_flags;
  const CLI::App* replay = cohort::learner::AddReplayCommand(&app, &replay_flags);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cohort::common::kExitOk : cohort::common::kExitUsage;
  }
  if (replay->parsed()) return cohort::learner::RunReplay(replay_flags);
  const auto device = cohort::learner::ParseLearnerDevice(flags.device);
  if (!device.ok()) {
    std::cerr << device.status().message() << "\n";
    return cohort::common::kExitUsage;
  }
  cohort::common::Shutdown shutdown;
  const absl::Status status = cohort::learner::Run(flags, *device, &shutdown);
  if (status.ok()) return cohort::common::kExitOk;
  cohort::log::Error("learner stopped", {{"reason", status}});
  return absl::IsAborted(status) ? cohort::common::kExitRejoin : cohort::common::kExitFailure;
}
