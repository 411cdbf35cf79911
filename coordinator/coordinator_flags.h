// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_COORDINATOR_FLAGS_H_
#define COHORT_COORDINATOR_COORDINATOR_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/security/server_security.h"
#include "coordinator/command_verifiers.h"
#include "coordinator/open_watches.h"

namespace cohort::coordinator {

// Where and how the process runs; what it computes is in the jobs.
struct CoordinatorFlags {
  std::string listen = "127.0.0.1:7070";
  std::string http_listen = "127.0.0.1:0";
  std::string data_dir = "cohort-data";
  std::string checkpoint_root = "runs";
  std::string model_root = ".";
  std::string data_root = ".";
  std::string address_file;
  std::string log_level = "info";
  double lease_seconds = 30;
  double stop_seconds = 3600;
  int64_t max_jobs_per_namespace = 0;
  int64_t max_ranks_per_namespace = 0;
  double learner_memory_gib = 0;  // of one rank; 0: not known
  int64_t max_upload_bytes = int64_t{1} << 30;
  bool enable_reflection = false;
  // Paths in job files must lead into model_root, data_root or allowed_roots.
  bool confine_paths = true;
  std::vector<std::string> allowed_roots;
  CommandVerifierUse command_verifiers = CommandVerifierUse::kSubmitters;
  WatchLimits watches;
  WatchLimits downloads = kDownloadLimits;
  security::ServerSecurityFiles security;
};

// Reads the command line; prints help or what is wrong with it. When the process is to end at once, `*exit_code` says
// how: 0 after --help, 2 for a bad command line.
std::optional<CoordinatorFlags> ParseCoordinatorFlags(int argc, const char* const* argv, int* exit_code);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_COORDINATOR_FLAGS_H_
