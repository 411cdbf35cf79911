// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_LEARNER_LEARNER_FLAGS_H_
#define COHORT_LEARNER_LEARNER_FLAGS_H_

// Torch-free.
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/security/client_security.h"
#include "common/security/server_security.h"

namespace CLI {
class App;
}

namespace cohort::learner {

// Where and how a rank runs; what it trains is in the job.
struct LearnerFlags {
  std::string coordinator = "127.0.0.1:7070";
  std::string learner_id;  // host name and pid when not given
  std::string device = "cpu";
  int threads = 1;
  std::string listen = "127.0.0.1:0";
  std::string host = "127.0.0.1";
  std::string http_listen = "127.0.0.1:0";
  int64_t seal_patience_seconds = 3600;
  std::string log_level = "info";
  // With which WeightService is served, and the coordinator called.
  security::ServerSecurityFiles server_security;
  security::ClientSecurityFiles client_security;
};

// Declares the flags on `app`, whose parse fills `flags`; both must outlive the parse.
void AddLearnerFlags(CLI::App* app, LearnerFlags* flags);

// The port of a server of this process ("0.0.0.0:4000") at the address where others reach it (--host).
absl::StatusOr<std::string> ReachableAddress(const LearnerFlags& flags, const std::string& listening);

}  // namespace cohort::learner

#endif  // COHORT_LEARNER_LEARNER_FLAGS_H_
