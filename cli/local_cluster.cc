// SPDX-License-Identifier: Apache-2.0
#include "cli/local_cluster.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/machine_memory.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kStartPatience = absl::Seconds(30);
// Somebody watches: a full disk is better named soon.
constexpr char kSealPatienceSeconds[] = "10";
// A rank finishes its update and seals a checkpoint.
constexpr absl::Duration kRankPatience = absl::Seconds(60);
constexpr absl::Duration kOtherPatience = absl::Seconds(15);

// bin_dir/<binary>, or where a build tree has it: bin_dir/../<room>/<binary>.
std::string FindBinary(const std::string& bin_dir, std::string_view room, std::string_view binary) {
  std::error_code error;
  const fs::path in_build_tree = fs::path(bin_dir) / ".." / room / binary;
  if (!fs::exists(fs::path(bin_dir) / binary, error) && fs::exists(in_build_tree, error)) {
    return in_build_tree.lexically_normal().string();
  }
  return (fs::path(bin_dir) / binary).string();
}

constexpr std::pair<std::string_view, std::string_view> kBinaries[] = {
    {"coordinator", "cohort-coordinator"}, {"rollout_worker", "cohort-rollout-worker"}, {"learner", "cohort-learner"}};

absl::Status CheckBinaries(const LocalClusterOptions& options) {
  const std::string& bin_dir = options.bin_dir;
  for (const auto& [room, binary] : kBinaries) {
    if (room == "rollout_worker" && options.num_workers == 0) continue;
    if (room == "learner" && options.num_ranks == 0) continue;
    const std::string path = FindBinary(bin_dir, room, binary);
    if (access(path.c_str(), X_OK) != 0) {
      return absl::InvalidArgumentError(absl::StrCat("--bin_dir: ", std::string(binary),
                                                     " is not an executable file there; name the folder that has it (",
                                                     bin_dir, ")"));
    }
  }
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& run_dir) {
  for (const char* part : {"logs", "state", "checkpoints"}) {
    std::error_code error;
    fs::create_directories(fs::path(run_dir) / part, error);
    if (error) {
      return absl::InvalidArgumentError(absl::StrCat("--run_dir: ", error.message(), " (", run_dir, "/", part, ")"));
    }
  }
  return absl::OkStatus();
}

// Threads of one operator. Workers and ranks get the same number, which their log-probs depend on; the two roles take
// turns on-policy, so the larger one counts.
int ThreadsPerProcess(const LocalClusterOptions& options) {
  const int cores = std::max(1u, std::thread::hardware_concurrency());
  return std::max(1, cores / std::max({1, options.num_workers, options.num_ranks}));
}

// Memory of one rank: an equal share of the machine's, unless it was told. 0 where it is not known, as that of a GPU.
double RankGibibytes(const LocalClusterOptions& options) {
  if (options.learner_memory_gib.has_value()) return *options.learner_memory_gib;
  if (options.num_ranks == 0 || options.device != "cpu") return 0;
  return static_cast<double>(common::MachineMemoryBytes()) / options.num_ranks / (int64_t{1} << 30);
}

// Of the coordinator's address file: the value of its line "grpc=".
std::string GrpcAddress(const std::string& content) {
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(content, '\n'))) {
    if (absl::StartsWith(line, "grpc=")) return line.substr(5);
  }
  return "";
}

}  // namespace

absl::StatusOr<std::string> AbsolutePath(std::string_view flag, const std::string& path) {
  std::error_code error;
  const fs::path absolute = path.empty() ? fs::path() : fs::absolute(path, error);
  if (error || absolute.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(flag), ": not a folder (", path, ")"));
  }
  return absolute.lexically_normal().string();
}

std::string OwnBinaryDirectory() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return error ? std::string(".") : self.parent_path().string();
}

LocalCluster::LocalCluster(const LocalClusterOptions& options, common::Clock* clock,
                           std::function<void(std::string_view)> on_message)
    : options_(options), supervisor_(clock, std::move(on_message)) {}

absl::StatusOr<std::unique_ptr<LocalCluster>> LocalCluster::Start(const LocalClusterOptions& options,
                                                                  common::Clock* clock,
                                                                  std::function<void(std::string_view)> on_message,
                                                                  const std::function<bool()>& should_stop) {
  COHORT_RETURN_IF_ERROR(CheckBinaries(options));
  COHORT_RETURN_IF_ERROR(MakeDirectories(options.run_dir));
  std::unique_ptr<LocalCluster> cluster(new LocalCluster(options, clock, std::move(on_message)));
  auto lock = FolderLock::Take(options.run_dir);
  if (!lock.ok()) return absl::Status(lock.status().code(), absl::StrCat("--run_dir: ", lock.status().message()));
  cluster->lock_ = *std::move(lock);
  COHORT_RETURN_IF_ERROR(cluster->StartCoordinator(clock, should_stop));
  COHORT_RETURN_IF_ERROR(cluster->StartWorkersAndRanks());
  return cluster;
}

ChildCommand LocalCluster::Command(std::string_view name, std::string_view binary,
                                   std::vector<std::string> flags) const {
  std::string_view room;
  for (const auto& [candidate_room, candidate] : kBinaries) {
    if (candidate == binary) room = candidate_room;
  }
  ChildCommand command{.name = std::string(name),
                       .argv = {FindBinary(options_.bin_dir, room, binary), "--http_listen", "127.0.0.1:0",
                                "--log_level", options_.log_level},
                       .log_path = absl::StrCat(options_.run_dir, "/logs/", std::string(name), ".log")};
  command.argv.insert(command.argv.end(), flags.begin(), flags.end());
  return command;
}

ChildCommand LocalCluster::CoordinatorCommand(std::string_view listen) const {
  return Command("coordinator", "cohort-coordinator",
                 {"--listen", std::string(listen), "--data_dir", options_.run_dir + "/state", "--checkpoint_root",
                  options_.run_dir + "/checkpoints", "--model_root", options_.model_root, "--data_root",
                  options_.data_root, "--lease_seconds", absl::StrCat(options_.lease_seconds), "--enable_reflection",
                  "--learner_memory_gib", absl::StrCat(RankGibibytes(options_)),
                  // The jobs are the operator's own, who may read whatever the processes may.
                  "--confine_paths=false", "--address_file", AddressFile()});
}

absl::Status LocalCluster::StartCoordinator(common::Clock* clock, const std::function<bool()>& should_stop) {
  std::error_code ignored;
  fs::remove(AddressFile(), ignored);
  COHORT_RETURN_IF_ERROR(supervisor_.Start(CoordinatorCommand("127.0.0.1:0")));
  const absl::Duration deadline = clock->Monotonic() + kStartPatience;
  while (server_.empty()) {
    COHORT_RETURN_IF_ERROR(supervisor_.CheckRunning());
    if (should_stop()) return absl::CancelledError("stopped before the coordinator served");
    if (clock->Monotonic() > deadline) {
      return absl::DeadlineExceededError(absl::StrCat("the coordinator does not serve after ",
                                                      absl::FormatDuration(kStartPatience), " (log: ", options_.run_dir,
                                                      "/logs/coordinator.log)"));
    }
    absl::SleepFor(absl::Milliseconds(10));
    const absl::StatusOr<std::string> content = common::ReadFile(AddressFile());
    if (content.ok()) server_ = GrpcAddress(*content);
  }
  // A restarted coordinator must be found where the others look for it.
  supervisor_.ReplaceCommand(CoordinatorCommand(server_));
  return absl::OkStatus();
}

absl::Status LocalCluster::StartWorkersAndRanks() {
  const std::vector<std::string> shared = {"--coordinator", server_,     "--device",
                                           options_.device, "--threads", absl::StrCat(ThreadsPerProcess(options_))};
  const auto start = [&](std::string_view role, int index, std::string_view binary, std::string_view id_flag,
                         std::vector<std::string> flags) {
    const std::string name = absl::StrCat(std::string(role), "-", index);
    flags.insert(flags.end(), {std::string(id_flag), name});
    flags.insert(flags.end(), shared.begin(), shared.end());
    return supervisor_.Start(Command(name, binary, std::move(flags)));
  };
  for (int i = 0; i < options_.num_ranks; ++i) {
    COHORT_RETURN_IF_ERROR(
        start("learner", i, "cohort-learner", "--learner_id",
              {"--listen", "127.0.0.1:0", "--host", "127.0.0.1", "--seal_patience_seconds", kSealPatienceSeconds}));
  }
  for (int i = 0; i < options_.num_workers; ++i) {
    COHORT_RETURN_IF_ERROR(start("worker", i, "cohort-rollout-worker", "--worker_id", {}));
  }
  return absl::OkStatus();
}

void LocalCluster::Drain() {
  supervisor_.Drain("learner", kRankPatience);
  supervisor_.Drain("worker", kOtherPatience);
  supervisor_.Drain("coordinator", kOtherPatience);
}

}  // namespace cohort::cli
