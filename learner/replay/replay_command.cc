// SPDX-License-Identifier: Apache-2.0
#include "learner/replay/replay_command.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/config/yaml_to_proto.h"
#include "common/status_macros.h"
#include "learner/learner_device.h"
#include "learner/replay/failure_replay.h"
#include "learner/replay/failure_report.h"
#include "learner/replay/replay.h"
#include "learner/replay/replay_report.h"
#include "objective/preset_table.h"

namespace cohort::learner {
namespace {

absl::Status ParseSteps(const std::string& text, ReplayOptions* options) {
  if (text.empty()) {
    options->last_step = 0;
    return absl::OkStatus();
  }
  const std::vector<std::string> parts = absl::StrSplit(text, '-');
  const bool is_parsed = parts.size() <= 2 && absl::SimpleAtoi(parts.front(), &options->first_step) &&
                         absl::SimpleAtoi(parts.back(), &options->last_step) && options->last_step > 0;
  if (is_parsed) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--steps: must be a step or a range like 3-9 (", text, ")"));
}

absl::StatusOr<ReplayedObjective> ParseObjective(const std::string& text) {
  ReplayedObjective objective{.name = text};
  if (objective::FindPreset(text) != nullptr) {
    objective.spec.set_preset(text);
    return objective;
  }
  if (!std::filesystem::exists(text)) {
    std::string names;
    for (const std::string& name : objective::PresetNames()) absl::StrAppend(&names, names.empty() ? "" : ", ", name);
    return absl::InvalidArgumentError(
        absl::StrCat("--objective: neither a file nor one of the presets ", names, " (", text, ")"));
  }
  objective.name = std::filesystem::path(text).stem().string();
  COHORT_RETURN_IF_ERROR(common::YamlFileToProto(text, &objective.spec));
  return objective;
}

absl::Status RunFailure(const ReplayFlags& flags, const at::Device& device, std::ostream& out) {
  if (!flags.steps.empty() || !flags.objectives.empty()) {
    return absl::InvalidArgumentError("--failure: not together with --steps or --objective");
  }
  COHORT_ASSIGN_OR_RETURN(const ReplayedFailure failure,
                          ReplayFailure({.run_directory = flags.run, .failure = flags.failure, .device = device}));
  out << FailureReport(failure);
  if (!failure.replayed.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the failure was not met again (a sum over several ranks, another kind of processor, or another build)");
}

}  // namespace

CLI::App* AddReplayCommand(CLI::App* app, ReplayFlags* flags) {
  CLI::App* command = app->add_subcommand("replay",
                                          "train recorded steps again, without services: to prove that a run is what "
                                          "its record says, to compare several objectives on the same rollouts, or to "
                                          "meet a number again that was not finite");
  command->add_option("--run", flags->run, "folder of a job, with steps.log")->required();
  command->add_option("--steps", flags->steps,
                      "step or range of steps, by the version they end in: 7, 3-9 (default: all)");
  command->add_option("--objective", flags->objectives,
                      "preset name or YAML file with an ObjectiveSpec, to be compared; repeatable");
  command->add_option("--failure", flags->failure,
                      "folder of a failed step, from the folder of the job: failures/version-00000012-rank-0; says "
                      "which sequence and token are not finite");
  command->add_option("--device", flags->device, "cpu or cuda:N")->capture_default_str();
  command->add_option("--threads", flags->threads, "threads of one operator")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  return command;
}

absl::Status RunReplayCommand(const ReplayFlags& flags, std::ostream& out) {
  ReplayOptions options{.run_directory = flags.run};
  COHORT_RETURN_IF_ERROR(ParseSteps(flags.steps, &options));
  COHORT_ASSIGN_OR_RETURN(const LearnerDevice device, ParseLearnerDevice(flags.device));
  options.device = device.device;
  if (!flags.failure.empty()) return RunFailure(flags, device.device, out);
  std::vector<std::string> names;
  for (const std::string& text : flags.objectives) {
    COHORT_ASSIGN_OR_RETURN(ReplayedObjective objective, ParseObjective(text));
    names.push_back(objective.name);
    options.objectives.push_back(std::move(objective));
  }
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size()) {
    return absl::InvalidArgumentError("--objective: given twice");
  }
  if (!names.empty()) out << ReplayHeader();
  std::vector<ReplayedRow> rows;
  COHORT_ASSIGN_OR_RETURN(const ReplayFacts facts, Replay(options, [&](const ReplayedRow& row) {
                            out << ReplayLines(names, row) << std::flush;
                            rows.push_back(row);
                          }));
  if (!names.empty()) out << ReplaySummary(names, rows);
  out << ReplayVerdict(facts);
  const bool is_proved = facts.first_other_step == 0;
  if (is_proved || !names.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("step ", facts.first_other_step,
                   ": the weights are not those of the record (more than one rank, another kind of "
                   "processor, another number of threads or another build round otherwise)"));
}

}  // namespace cohort::learner
