// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <ostream>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/job_client.h"
#include "cli/job_file.h"
#include "cli/local_cluster.h"
#include "cli/verbs.h"
#include "common/clock.h"
#include "common/shutdown.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

namespace fs = std::filesystem;

struct ValidateFlags {
  std::vector<std::string> files;
  std::string bin_dir = OwnBinaryDirectory();
  std::string data_root = ".";
  std::string model_root = ".";
};

// A folder that is gone at the end of its scope.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::error_code error;
    fs::path parent = fs::temp_directory_path(error);
    if (error) parent = "/tmp";
    path_ = (parent / "cohortctl-XXXXXX").string();
    is_made_ = mkdtemp(path_.data()) != nullptr;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    if (is_made_) fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  bool IsMade() const { return is_made_; }
  const std::string& Path() const { return path_; }

 private:
  std::string path_;
  bool is_made_;
};

absl::Status ValidateFile(VerbContext& context, JobClient& client, const std::vector<JobFile>& files, size_t index) {
  const JobFile& file = files[index];
  if (NeedsEarlierRun(files, index)) {
    *context.console.out << file.path << ": not checked, it rescores what " << file.spec.rescore().job()
                         << " has yet to sample" << std::endl;
    return absl::OkStatus();
  }
  cohort::v1::CreateJobRequest request;
  request.set_parent(context.Parent());
  request.set_job_id(file.job_id);
  request.set_request_id(RandomRequestId());
  request.set_validate_only(true);
  *request.mutable_job()->mutable_spec() = SpecForValidation(files, index);
  const auto job = client.Create(request);
  if (!job.ok()) return ForFile(job.status(), file.path);
  *context.console.out << file.path << ": valid" << std::endl;
  return absl::OkStatus();
}

absl::Status ValidateFiles(VerbContext& context, JobClient& client, const std::vector<JobFile>& files) {
  for (size_t i = 0; i < files.size(); ++i) COHORT_RETURN_IF_ERROR(ValidateFile(context, client, files, i));
  return absl::OkStatus();
}

// Asks a coordinator of its own that lives as long as the call.
absl::Status ValidateLocally(VerbContext& context, const ValidateFlags& flags, const std::vector<JobFile>& files) {
  common::Shutdown shutdown;
  const ScratchFolder scratch;
  if (!scratch.IsMade())
    return absl::InternalError(absl::StrCat("folder for the check cannot be made: ", std::strerror(errno),
                                            "; TMPDIR names another place (", scratch.Path(), ")"));
  COHORT_ASSIGN_OR_RETURN(const std::string data_root, AbsolutePath("--data_root", flags.data_root));
  COHORT_ASSIGN_OR_RETURN(const std::string model_root, AbsolutePath("--model_root", flags.model_root));
  LocalClusterOptions options{.bin_dir = flags.bin_dir,
                              .run_dir = scratch.Path(),
                              .data_root = data_root,
                              .model_root = model_root,
                              .num_workers = 0,
                              .num_ranks = 0,
                              .log_level = "warning"};
  context.server_origin = VerbContext::kStartedHere;
  context.server = options.bin_dir;  // until it listens
  const auto cluster = LocalCluster::Start(
      options, common::SystemClock(), [](std::string_view) {}, [&shutdown] { return shutdown.IsRequested(); });
  if (!cluster.ok()) return cluster.status();
  context.server = (*cluster)->Server();
  JobClient client(context.server, context.Timeout());
  absl::Status result = absl::OkStatus();
  std::thread validation([&] {
    result = ValidateFiles(context, client, files);
    shutdown.Request();
  });
  while (!shutdown.WaitFor(absl::Seconds(1))) {
  }
  client.CancelCalls();
  validation.join();
  return result;
}

absl::Status Validate(VerbContext& context, const ValidateFlags& flags) {
  std::vector<JobFile> files;
  for (const std::string& path : flags.files) {
    COHORT_ASSIGN_OR_RETURN(JobFile file, LoadJobFile(path));
    files.push_back(std::move(file));
  }
  if (!context.is_server_given) return ValidateLocally(context, flags, files);
  JobClient client = Connect(context);
  return ValidateFiles(context, client, files);
}

}  // namespace

void AddValidate(CLI::App& app, VerbContext& context) {
  auto flags = std::make_shared<ValidateFlags>();
  CLI::App* verb = app.add_subcommand(
      "validate",
      "Runs every check of a submit and changes nothing; without --server, COHORT_SERVER or a context, by a "
      "coordinator started for the purpose");
  verb->add_option("-f,--file", flags->files, "job file (YAML); may be repeated")->required()->allow_extra_args(false);
  verb->add_option("--bin_dir", flags->bin_dir, "folder with cohort-coordinator")->capture_default_str();
  verb->add_option("--data_root", flags->data_root, "start of relative data paths")->capture_default_str();
  verb->add_option("--model_root", flags->model_root, "start of relative model paths")->capture_default_str();
  verb->callback([&context, flags] {
    const absl::Status status = Validate(context, *flags);
    if (!status.ok()) Fail(context, status);
  });
}

}  // namespace cohort::cli
