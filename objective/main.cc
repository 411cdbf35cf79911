// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <string>

#include "absl/status/statusor.h"
#include "common/config/yaml_to_proto.h"
#include "common/exit_codes.h"
#include "common/version.h"
#include "objective/offline_evaluation.h"

namespace cohort::objective {
namespace {

int Fail(const absl::Status& status) {
  std::cerr << "cohort-objective: " << std::string(status.message()) << "\n";
  if (absl::IsNotFound(status)) return common::kExitNotFound;
  return absl::IsInvalidArgument(status) ? common::kExitUsage : common::kExitFailure;
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Evaluates an objective on JSON lines, without services: one line per sequence with policy_logprobs and its "
      "credit. Prints advantages, segment ids and gradient per sequence, then loss and metric sums. See "
      "docs/objectives.md.",
      "cohort-objective");
  app.set_version_flag("--version", common::kVersion);
  OfflineOptions options;
  std::string objective_path;
  std::string preset;
  std::string precision = "fp64";
  std::string input_path;
  CLI::Option* file = app.add_option("--objective", objective_path, "file with an ObjectiveSpec, as a job file has it");
  app.add_option("--preset", preset, "a preset instead")->excludes(file);
  app.add_option("--precision", precision, "type of log-probs and gradients")
      ->check(CLI::IsMember({"fp64", "fp32"}))
      ->capture_default_str();
  app.add_option("--max_completion_tokens", options.max_completion_tokens,
                 "default of normalization_tokens; 0: the longest sequence");
  app.add_option("--verifier_weights", options.verifier_weights, "of verifier_scores, in order; 1 each by default");
  app.add_option("--input", input_path, "file of JSON lines; standard input by default");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? common::kExitOk : common::kExitUsage;
  }
  options.is_fp32 = precision == "fp32";
  options.spec.set_preset(preset);
  if (!objective_path.empty()) {
    const absl::Status read = common::YamlFileToProto(objective_path, &options.spec);
    if (!read.ok()) return Fail(read);
  }
  std::ifstream file_input;
  if (!input_path.empty()) {
    file_input.open(input_path);
    if (!file_input) return Fail(absl::NotFoundError("cannot read " + input_path));
  }
  const absl::StatusOr<std::string> output = EvaluateOffline(options, input_path.empty() ? std::cin : file_input);
  if (!output.ok()) return Fail(output.status());
  std::cout << *output;
  return std::cout.flush() ? common::kExitOk : common::kExitFailure;
}

}  // namespace
}  // namespace cohort::objective

int main(int argc, char** argv) { return cohort::objective::Main(argc, argv); }
