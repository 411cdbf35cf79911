// SPDX-License-Identifier: Apache-2.0
#include "coordinator/coordinator_flags.h"

#include <CLI/CLI.hpp>
#include <string>

#include "common/exit_codes.h"
#include "common/network_address.h"
#include "common/security/security_flags.h"
#include "common/version.h"

namespace cohort::coordinator {
namespace {

// What CLI11 prints behind the flag; empty when the text is an address.
std::string AddressComplaint(const std::string& text) {
  const auto address = common::ParseAddress(text);
  return address.ok() ? "" : std::string(address.status().message());
}

}  // namespace

std::optional<CoordinatorFlags> ParseCoordinatorFlags(int argc, const char* const* argv, int* exit_code) {
  CoordinatorFlags flags;
  CLI::App app("Cohort coordinator: jobs, groups, plans and policy versions.");
  app.set_version_flag("--version", common::kVersion);
  app.add_option("--listen", flags.listen, "gRPC host:port; port 0 picks a free one")
      ->check(AddressComplaint)
      ->capture_default_str();
  app.add_option("--http_listen", flags.http_listen, "host:port of /metrics, /healthz, /readyz")
      ->check(AddressComplaint)
      ->capture_default_str();
  app.add_option("--data_dir", flags.data_dir, "folder of the job store, the rollout log and uploaded datasets")
      ->capture_default_str();
  app.add_option("--checkpoint_root", flags.checkpoint_root, "folder of run folders")->capture_default_str();
  app.add_option("--model_root", flags.model_root, "where relative model paths start")->capture_default_str();
  app.add_option("--data_root", flags.data_root, "where relative dataset paths start")->capture_default_str();
  app.add_option("--lease_seconds", flags.lease_seconds, "silence after which a worker or rank counts as lost")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_option("--stop_seconds", flags.stop_seconds,
                 "how long ranks that were asked to stop may take for their update and checkpoint")
      ->check(CLI::Range(1.0, 1e7))
      ->capture_default_str();
  app.add_option("--max_upload_bytes", flags.max_upload_bytes, "largest dataset that is taken by upload; 0 takes none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--max_jobs_per_namespace", flags.max_jobs_per_namespace, "jobs that have not ended; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--max_ranks_per_namespace", flags.max_ranks_per_namespace,
                 "learner ranks of running jobs; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--learner_memory_gib", flags.learner_memory_gib,
                 "memory of one learner rank; a job whose ranks need more is refused; 0: not known, none is")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_option("--address_file", flags.address_file, "file to write the grpc= and http= addresses to once serving");
  app.add_option("--log_level", flags.log_level, "what is logged")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  app.add_flag("--enable_reflection", flags.enable_reflection, "serve gRPC reflection");
  app.add_flag("--confine_paths", flags.confine_paths,
               "refuse paths in job files that lead out of --model_root, --data_root and --allowed_root")
      ->capture_default_str();
  app.add_option("--allowed_root", flags.allowed_roots, "a further folder that paths may lead into; may be repeated")
      ->allow_extra_args(false);
  std::string command_verifiers = "submitters";
  app.add_option("--command_verifiers", command_verifiers,
                 "who may submit jobs that run programs of their own as verifiers; off: nobody")
      ->check(CLI::IsMember({"submitters", "admins", "off"}))
      ->capture_default_str();
  app.add_option("--max_watches", flags.watches.max_open, "streams of job events and logs at a time; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--max_watches_per_caller", flags.watches.max_open_per_caller,
                 "of them those of one token, or of one host where there are no tokens; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--max_downloads", flags.downloads.max_open, "downloads of checkpoints at a time; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--max_downloads_per_caller", flags.downloads.max_open_per_caller,
                 "of them those of one token, or of one host where there are no tokens; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  security::AddServerSecurityFlags(&app, &flags.security);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? common::kExitOk : common::kExitUsage;
    return std::nullopt;
  }
  flags.command_verifiers = *CommandVerifierUseOf(command_verifiers);
  return flags;
}

}  // namespace cohort::coordinator
