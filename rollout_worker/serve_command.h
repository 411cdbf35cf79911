// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_ROLLOUT_WORKER_SERVE_COMMAND_H_
#define COHORT_ROLLOUT_WORKER_SERVE_COMMAND_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "common/clock.h"
#include "common/security/client_security.h"
#include "common/shutdown.h"
#include "reward/sandbox/zygote.h"

namespace cohort::rollout_worker {

struct ServeOptions {
  std::string coordinator = "127.0.0.1:7070";
  std::string worker_id;
  std::string device = "cpu";
  int32_t max_sequences = 128;
  int64_t kv_cache_tokens = 32768;
  std::string http_listen = "127.0.0.1:0";
  int scoring_children = 2;
  bool allow_shared_memory = true;
  // With which the coordinator and the learners are called.
  security::ClientSecurityFiles security;
};

// Works for the coordinator until shutdown is requested; OK after a drain.
absl::Status RunServe(const ServeOptions& options, common::Clock* clock, const common::Shutdown* shutdown,
                      reward::Zygote* zygote);

}  // namespace cohort::rollout_worker

#endif  // COHORT_ROLLOUT_WORKER_SERVE_COMMAND_H_
