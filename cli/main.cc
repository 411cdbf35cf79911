// SPDX-License-Identifier: Apache-2.0
#include "cli/console.h"
#include "cli/verbs.h"
#include "common/telemetry/log.h"

int main(int argc, char** argv) {
  // Verbs speak for themselves; of the libraries below, only errors are shown.
  if (!cohort::log::Configure("cohortctl", "error").ok()) return cohort::common::kExitFailure;
  return cohort::cli::RunCommandLine(argc, argv, cohort::cli::StandardConsole());
}
