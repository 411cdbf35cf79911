// SPDX-License-Identifier: Apache-2.0
// cohort-coordinator: owns the jobs and serves them to clients, rollout workers and learner ranks.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/clock.h"
#include "common/exit_codes.h"
#include "common/files.h"
#include "common/grpc_server.h"
#include "common/security/certificate_metrics.h"
#include "common/security/server_security.h"
#include "common/shutdown.h"
#include "common/status_macros.h"
#include "common/telemetry/health.h"
#include "common/telemetry/log.h"
#include "common/telemetry/telemetry_server.h"
#include "coordinator/coordinator.h"
#include "coordinator/coordinator_flags.h"
#include "coordinator/job_access.h"
#include "coordinator/job_service.h"
#include "coordinator/learner_service.h"
#include "coordinator/path_confinement.h"
#include "coordinator/preflight.h"
#include "coordinator/rollout_service.h"
#include "prometheus/registry.h"
#include "reward/sandbox/zygote.h"

namespace cohort::coordinator {
namespace {

// All of a drain stays inside Kubernetes' default grace period of 30 s.
constexpr absl::Duration kDrainGrace = absl::Seconds(20);
constexpr absl::Duration kServerGrace = absl::Seconds(2);
// So that one large dataset does not keep the others waiting.
constexpr int kDatasetReaders = 4;

absl::Status WriteAddresses(const std::string& path, const std::string& grpc, const std::string& http) {
  if (path.empty()) return absl::OkStatus();
  return common::WriteFileAtomically(path, absl::StrCat("grpc=", grpc, "\nhttp=", http, "\n"));
}

absl::Status Serve(const CoordinatorFlags& flags, reward::Zygote* zygote, const common::Shutdown& shutdown) {
  prometheus::Registry registry;
  security::CertificateMetrics certificates(&registry);
  common::Health health;
  const std::string data_root = std::filesystem::absolute(flags.data_root).lexically_normal().string();
  COHORT_ASSIGN_OR_RETURN(const auto security,
                          security::ServerSecurity::Create(flags.security, flags.listen, common::SystemClock(),
                                                           kJobServiceName, &certificates));
  const PathConfinement confinement(flags.model_root, data_root, flags.allowed_roots,
                                    {.state = {flags.data_dir, flags.data_dir + "/datasets",
                                               flags.data_dir + "/dataset_index", flags.data_dir + "/rollouts"},
                                     .checkpoint_root = flags.checkpoint_root});
  const auto preflight = [&](const cohort::v1::JobSpec& spec, const std::string& model_path,
                             const DatasetRoots& roots) -> absl::StatusOr<cohort::v1::JobSpec> {
    if (flags.confine_paths) COHORT_RETURN_IF_ERROR(confinement.Check(spec, roots.name_space));
    return CheckAgainstFiles(
        spec, model_path,
        {.roots = roots,
         .zygote = zygote,
         .rank_memory_bytes = static_cast<int64_t>(flags.learner_memory_gib * (int64_t{1} << 30))});
  };
  const CoordinatorOptions options{
      .data_dir = flags.data_dir,
      .checkpoint_root = flags.checkpoint_root,
      .model_root = flags.model_root,
      .data_root = data_root,
      .max_upload_bytes = flags.max_upload_bytes,
      .lease_duration = absl::Seconds(flags.lease_seconds),
      .stop_limit = absl::Seconds(flags.stop_seconds),
      .limits = {.max_jobs = flags.max_jobs_per_namespace, .max_ranks = flags.max_ranks_per_namespace},
      .tick_interval = absl::Seconds(std::min(1.0, flags.lease_seconds / 4)),
      .num_dataset_readers = kDatasetReaders,
      .listens_to_log = true};
  COHORT_ASSIGN_OR_RETURN(auto http,
                          common::TelemetryServer::Create(flags.http_listen, "cohort-coordinator", &registry, &health));
  COHORT_ASSIGN_OR_RETURN(auto coordinator, Coordinator::Open(options, preflight, common::SystemClock(), &registry));
  JobServiceImpl jobs(coordinator.get(), {.security = security.get(),
                                          .command_verifiers = flags.command_verifiers,
                                          .watches = flags.watches,
                                          .downloads = flags.downloads});
  RolloutServiceImpl rollouts(coordinator.get());
  LearnerServiceImpl learners(coordinator.get());
  JobAccess guarded_jobs(&jobs, security.get());
  COHORT_ASSIGN_OR_RETURN(auto server, common::GrpcServer::Create(flags.listen, {&guarded_jobs, &rollouts, &learners},
                                                                  flags.enable_reflection, security->credentials(),
                                                                  &coordinator->context().metrics->rpcs()));
  health.SetReady();
  log::Info("serving", {{"grpc", server->Address()}, {"http", http->Address()}});
  COHORT_RETURN_IF_ERROR(WriteAddresses(flags.address_file, server->Address(), http->Address()));
  absl::Status judging = absl::OkStatus();  // of the process that preflight needs
  while (judging.ok() && !shutdown.WaitFor(absl::Seconds(1))) judging = zygote->CheckRunning();
  health.SetNotReady("draining");
  server->SetServing(false);
  const bool is_drained = coordinator->Drain(kDrainGrace);
  log::Info("drained", {{"complete", is_drained}});
  coordinator->EndPolls();
  server->Shutdown(kServerGrace);
  return judging;
}

int Main(int argc, char** argv) {
  // Debian builds Abseil with it on, for every lock of the process; tests keep it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  int exit_code = common::kExitOk;
  const auto flags = ParseCoordinatorFlags(argc, argv, &exit_code);
  if (!flags.has_value()) return exit_code;
  // Before anything starts a thread.
  const auto zygote = reward::Zygote::Start();
  const common::Shutdown shutdown;
  absl::Status status = zygote.status();
  if (status.ok()) status = log::Configure("cohort-coordinator", flags->log_level);
  if (status.ok()) status = Serve(*flags, zygote->get(), shutdown);
  if (status.ok()) return common::kExitOk;
  std::fprintf(stderr, "cohort-coordinator: %s\n", std::string(status.message()).c_str());
  return common::kExitFailure;
}

}  // namespace
}  // namespace cohort::coordinator

int main(int argc, char** argv) { return cohort::coordinator::Main(argc, argv); }
