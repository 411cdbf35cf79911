// SPDX-License-Identifier: Apache-2.0
#include "learner/learner_flags.h"

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "common/network_address.h"
#include "common/security/security_flags.h"
#include "common/status_macros.h"
#include "common/version.h"

namespace cohort::learner {
namespace {

std::string DefaultLearnerId() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0) return absl::StrCat("learner-", getpid());
  return absl::StrCat(name, "-", getpid());
}

// What CLI11 prints behind the flag; empty when the text is an address.
std::string AddressComplaint(const std::string& text) {
  const auto address = common::ParseAddress(text);
  return address.ok() ? "" : std::string(address.status().message());
}

}  // namespace

void AddLearnerFlags(CLI::App* app, LearnerFlags* flags) {
  flags->learner_id = DefaultLearnerId();
  app->set_version_flag("--version", common::kVersion);
  app->add_option("--coordinator", flags->coordinator, "host:port of the coordinator")
      ->check(AddressComplaint)
      ->capture_default_str();
  app->add_option("--learner_id", flags->learner_id, "unique id, stable over restarts; default: host name and pid");
  app->add_option("--device", flags->device, "cpu or cuda:N")->capture_default_str();
  app->add_option("--threads", flags->threads, "threads of one operator; the rollout workers' must be equal")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--listen", flags->listen, "host:port of WeightService; port 0 picks a free one")
      ->check(AddressComplaint)
      ->capture_default_str();
  app->add_option("--host", flags->host, "address at which ranks and workers reach this process")
      ->capture_default_str();
  app->add_option("--http_listen", flags->http_listen, "host:port of /metrics, /healthz, /readyz")
      ->check(AddressComplaint)
      ->capture_default_str();
  app->add_option("--seal_patience_seconds", flags->seal_patience_seconds,
                  "how long the last checkpoint of a job is tried again on a full disk before the job fails")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--log_level", flags->log_level, "what is logged")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  security::AddServerSecurityFlags(app, &flags->server_security);
  security::AddClientSecurityFlags(app, &flags->client_security, /*reads_environment=*/false);
}

absl::StatusOr<std::string> ReachableAddress(const LearnerFlags& flags, const std::string& listening) {
  COHORT_ASSIGN_OR_RETURN(common::NetworkAddress address, common::ParseAddress(listening));
  address.host = flags.host;
  return common::JoinAddress(address);
}

}  // namespace cohort::learner
