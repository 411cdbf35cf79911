// SPDX-License-Identifier: Apache-2.0
// Speed and size of the coordinator as a service. Prints one JSON object; tools/benchmark_service.py runs it beside its
// peers and prints ratios.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/synchronization/mutex.h"
#include "common/telemetry/log.h"
#include "coordinator/benchmark/claim_measurement.h"
#include "coordinator/benchmark/ingest_measurement.h"
#include "coordinator/benchmark/scale_measurement.h"
#include "coordinator/benchmark/submit_measurement.h"

namespace cohort::coordinator {
namespace {

absl::StatusOr<nlohmann::json> Measure(const std::string& what, const std::string& folder, int num_rounds,
                                       double seconds) {
  if (what == "claims") return MeasureClaims(folder, num_rounds);
  if (what == "storm") return MeasureFailureStorm(folder);
  if (what == "ingest") return MeasureIngest(folder, num_rounds);
  if (what == "submits") return MeasureSubmits(folder, seconds);
  return MeasureScale(folder);
}

int Main(int argc, char** argv) {
  // As in cohort-coordinator.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::string what, folder = "/tmp/cohort-service-measurement";
  int num_rounds = 7;
  double seconds = 6;
  CLI::App app("Speed and size of the coordinator as a service.");
  app.add_option("what", what, "what is measured")
      ->required()
      ->check(CLI::IsMember({"claims", "storm", "ingest", "submits", "scale"}));
  app.add_option("--folder", folder, "folder on the disk to be measured; emptied before")->capture_default_str();
  app.add_option("--rounds", num_rounds, "rounds of claims and ingest")->check(CLI::Range(1, 100));
  app.add_option("--seconds", seconds, "length of the load of submits")->check(CLI::Range(0.1, 600.0));
  CLI11_PARSE(app, argc, argv);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder + "/model");
  absl::Status status = log::Configure("service-measurement", "error");
  if (status.ok()) {
    const auto figures = Measure(what, folder, num_rounds, seconds);
    if (figures.ok()) std::printf("%s\n", figures->dump().c_str());
    status = figures.status();
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "service_measurement: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace cohort::coordinator

int main(int argc, char** argv) { return cohort::coordinator::Main(argc, argv); }
