// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/job_file.h"
#include "cli/job_output.h"
#include "cli/local_cluster.h"
#include "cli/local_run.h"
#include "cli/run_report.h"
#include "cli/verbs.h"
#include "common/clock.h"
#include "common/field_error.h"
#include "common/shutdown.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

struct LocalFlags {
  std::vector<std::string> files;
  LocalClusterOptions cluster = {.bin_dir = OwnBinaryDirectory(), .run_dir = "", .data_root = ".", .model_root = "."};
  std::optional<int64_t> seed;
  bool keeps_serving = false;
};

absl::Status MakeAbsolute(LocalClusterOptions& options) {
  COHORT_ASSIGN_OR_RETURN(options.run_dir, AbsolutePath("--run_dir", options.run_dir));
  COHORT_ASSIGN_OR_RETURN(options.data_root, AbsolutePath("--data_root", options.data_root));
  COHORT_ASSIGN_OR_RETURN(options.model_root, AbsolutePath("--model_root", options.model_root));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<JobFile>> LoadFiles(const LocalFlags& flags) {
  std::vector<JobFile> files;
  std::set<std::string> ids;
  for (const std::string& path : flags.files) {
    COHORT_ASSIGN_OR_RETURN(JobFile file, LoadJobFile(path, flags.seed));
    if (!ids.insert(file.job_id).second) {
      return absl::InvalidArgumentError(absl::StrCat("-f: two files make the job id ", file.job_id, " (", path, ")"));
    }
    // What trains nothing needs no rank, whatever the file says of training.
    if (!HasRanks(file.spec)) {
      files.push_back(std::move(file));
      continue;
    }
    if (file.spec.training().world_size() > flags.cluster.num_ranks) {
      return ForFile(common::InvalidField("training.world_size", absl::StrCat(file.spec.training().world_size()),
                                          absl::StrCat("more ranks than --ranks gives, ", flags.cluster.num_ranks)),
                     path);
    }
    if (file.spec.training().world_size() > 1 && flags.cluster.device != "cpu") {
      return ForFile(
          common::InvalidField("training.world_size", absl::StrCat(file.spec.training().world_size()),
                               absl::StrCat("ranks cannot share one GPU, --device is ", flags.cluster.device)),
          path);
    }
    files.push_back(std::move(file));
  }
  return files;
}

// runs/<time>, made here: a second run of the same second gets a folder of its own.
absl::StatusOr<std::string> MakeFreshRunDir(absl::Time now) {
  const std::string path = absl::FormatTime("runs/%Y%m%d-%H%M%S", now, absl::LocalTimeZone());
  std::error_code error;
  std::filesystem::create_directories("runs", error);
  for (int i = 1; !error; ++i) {
    const std::string candidate = i == 1 ? path : absl::StrCat(path, "-", i);
    if (std::filesystem::create_directory(candidate, error)) return candidate;
  }
  return absl::InvalidArgumentError(absl::StrCat("--run_dir: ", error.message(), " (", path, ")"));
}

// Runs the files in order until one does not succeed; the histories so far are in `report` in any case.
absl::Status RunFiles(LocalRun& run, const std::vector<JobFile>& files, RunReport& report) {
  for (const JobFile& file : files) {
    COHORT_ASSIGN_OR_RETURN(JobHistory history, run.RunJob(file));
    const bool has_succeeded = history.job.state() == cohort::v1::JOB_STATE_SUCCEEDED;
    report.jobs.push_back(std::move(history));
    if (!has_succeeded) break;
  }
  return absl::OkStatus();
}

// What the last job left when not all succeeded: ended, or paused.
void LeaveExitCode(VerbContext& context, const RunReport& report) {
  const cohort::v1::Job& job = report.jobs.back().job;
  if (job.state() != cohort::v1::JOB_STATE_PAUSED) {
    context.exit_code = common::kExitJobFailed;
    return;
  }
  context.console.Messages() << "cohortctl: " << report.jobs.back().job_id << " is paused"
                             << (job.state_reason().empty() ? "" : ": ") << OneLine(job.state_reason())
                             << "; the same command with --run_dir " << report.run_dir << " resumes it" << std::endl;
  context.exit_code = common::kExitJobPaused;
}

bool HaveAllSucceeded(const RunReport& report, size_t num_files) {
  return report.jobs.size() == num_files &&
         (report.jobs.empty() || report.jobs.back().job.state() == cohort::v1::JOB_STATE_SUCCEEDED);
}

void RunLocal(VerbContext& context, const LocalFlags& flags) {
  const auto files = LoadFiles(flags);
  if (!files.ok()) return Fail(context, files.status());
  common::Clock* clock = common::SystemClock();
  const absl::Duration start = clock->Monotonic();
  LocalClusterOptions options = flags.cluster;
  if (options.run_dir.empty()) {
    const auto run_dir = MakeFreshRunDir(clock->Now());
    if (!run_dir.ok()) return Fail(context, run_dir.status());
    options.run_dir = *run_dir;
  }
  // Ranks that nothing needs would only wait; whoever submits later may need them.
  const bool has_training =
      std::any_of(files->begin(), files->end(), [](const JobFile& file) { return HasRanks(file.spec); });
  if (!has_training && !flags.keeps_serving) options.num_ranks = 0;
  const absl::Status paths = MakeAbsolute(options);
  if (!paths.ok()) return Fail(context, paths);

  common::Shutdown shutdown;
  LocalRun run(options, context.Parent(), context.console, clock, &shutdown, context.Timeout());
  RunReport report{.run_dir = options.run_dir, .metrics_path = run.MetricsPath(), .jobs = {}, .total_time = {}};
  context.server_origin = VerbContext::kStartedHere;
  context.server = options.run_dir;  // until it listens
  absl::Status status = run.Start();
  if (status.ok()) {
    context.server = run.Server();
    context.console.Messages() << "coordinator at " << run.Server() << ", " << options.num_workers << " workers, "
                               << options.num_ranks << " learner ranks; logs in " << options.run_dir << "/logs"
                               << std::endl;
    status = run.Validate(*files);
    if (status.ok()) status = RunFiles(run, *files, report);
  }
  report.total_time = clock->Monotonic() - start;
  // What has been run is kept also when the rest was not.
  if (status.ok() || !report.jobs.empty()) status.Update(WriteReportFiles(report));
  if (status.ok()) {
    *context.console.out << ReportText(report, context.console) << std::flush;
    if (!HaveAllSucceeded(report, files->size())) LeaveExitCode(context, report);
    if (flags.keeps_serving) {
      context.console.Messages() << "serving at " << run.Server() << "; end with Ctrl-C" << std::endl;
      status = run.Serve();
    }
  }
  run.Drain();
  if (absl::IsCancelled(status) && shutdown.IsRequested()) {
    context.console.Messages() << "stopped; the same command with --run_dir " << options.run_dir << " goes on"
                               << std::endl;
  } else if (!status.ok()) {
    Fail(context, status);
  }
}

}  // namespace

void AddLocal(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<LocalFlags>();
  CLI::App* verb = app.add_subcommand(
      "local",
      "Runs job files one after the other on this machine: starts coordinator, workers and learner ranks as child "
      "processes on free ports, restarts what dies, and stops them at the end; exits 5 when a job ended without "
      "success, "
      "6 when one was paused");
  verb->add_option("-f,--file", flags->files, "job file (YAML); may be repeated; the job's id is the file's name")
      ->required()
      ->allow_extra_args(false);
  verb->add_option("--workers", flags->cluster.num_workers, "rollout workers")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  verb->add_option("--ranks", flags->cluster.num_ranks, "learner ranks; none are started when no job trains")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  verb->add_option("--run_dir", flags->cluster.run_dir,
                   "folder for state, checkpoints, logs and results; an earlier run's is taken up again; default: "
                   "runs/<time>");
  verb->add_option("--bin_dir", flags->cluster.bin_dir, "folder with the other binaries")->capture_default_str();
  verb->add_option("--data_root", flags->cluster.data_root, "start of relative data paths")->capture_default_str();
  verb->add_option("--model_root", flags->cluster.model_root, "start of relative model paths")->capture_default_str();
  verb->add_option("--device", flags->cluster.device, "cpu or cuda:N, for workers and ranks")->capture_default_str();
  verb->add_option("--lease_seconds", flags->cluster.lease_seconds, "a silent worker loses its groups after this")
      ->check(CLI::Range(3.0, 3600.0))
      ->capture_default_str();
  verb->add_option("--learner_memory_gib", flags->cluster.learner_memory_gib,
                   "of one rank: jobs that need more are refused, 0 refuses none; default: an equal share of the "
                   "machine's, on a GPU 0")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--seed", flags->seed, "replaces training.seed of every job file");
  verb->add_option("--log_level", flags->cluster.log_level, "of the child processes: debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  verb->add_flag("--keep_serving", flags->keeps_serving, "after the jobs, keep the cluster until Ctrl-C");
  verb->callback([&context, flags] { RunLocal(context, *flags); });
}

}  // namespace cohort::cli
