// SPDX-License-Identifier: Apache-2.0
#include "cli/supervisor.h"

#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/exit_codes.h"
#include "common/status_macros.h"

namespace cohort::cli {
namespace {

constexpr absl::Duration kFirstDelay = absl::Milliseconds(250);
constexpr absl::Duration kLongestDelay = absl::Seconds(4);
// Living this long clears a child's record.
constexpr absl::Duration kAdulthood = absl::Seconds(10);
constexpr int kMaxEarlyDeaths = 6;
constexpr absl::Duration kPollInterval = absl::Milliseconds(20);

absl::Duration RestartDelay(int early_deaths) {
  return std::min(kLongestDelay, kFirstDelay * (1 << std::clamp(early_deaths - 1, 0, 10)));
}

// What a child that starts now adds to its log begins here.
int64_t LogSize(const ChildCommand& command) {
  std::error_code error;
  const auto size = std::filesystem::file_size(command.log_path, error);
  return error ? 0 : static_cast<int64_t>(size);
}

// The sentence of a structured log line: the value of its key "reason" or "error", else the line as it is.
std::string Sentence(const std::string& line) {
  for (const std::string key : {" reason=\"", " error=\""}) {
    const size_t begin = line.find(key);
    if (begin == std::string::npos) continue;
    const size_t text = begin + key.size();
    size_t end = text;
    while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
    return line.substr(text, std::min(end, line.size()) - text);
  }
  return line;
}

bool StartsWith(const std::string& text, std::string_view prefix) {
  return std::string_view(text).substr(0, prefix.size()) == prefix;
}

}  // namespace

std::string LastComplaint(const std::string& log_path, int64_t first_byte) {
  std::ifstream file(log_path);
  file.seekg(first_byte);
  std::string last;
  std::string last_error;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    if (absl::StrContains(absl::AsciiStrToLower(line), "error")) last_error = line;
    last = std::move(line);
  }
  return Sentence(last_error.empty() ? last : last_error);
}

Supervisor::Supervisor(common::Clock* clock, std::function<void(std::string_view)> on_message)
    : clock_(clock), on_message_(std::move(on_message)) {}

absl::Status Supervisor::Start(const ChildCommand& command) {
  Child child{.command = command,
              .running = nullptr,
              .log_start_bytes = LogSize(command),
              .started_at = clock_->Monotonic(),
              .restart_at = {}};
  COHORT_ASSIGN_OR_RETURN(child.running, ChildProcess::Start(command));
  children_.push_back(std::move(child));
  return absl::OkStatus();
}

void Supervisor::ReplaceCommand(const ChildCommand& command) {
  for (Child& child : children_) {
    if (child.command.name == command.name) child.command = command;
  }
}

absl::Status Supervisor::CheckRunning() {
  for (Child& child : children_) {
    const std::optional<ChildExit> exit = child.running == nullptr ? std::nullopt : child.running->Poll();
    if (exit.has_value()) return GivenUp(child, *exit);
  }
  return absl::OkStatus();
}

absl::Status Supervisor::GivenUp(const Child& child, const ChildExit& exit) {
  const std::string& log_path = child.command.log_path;
  return absl::InternalError(absl::StrCat(child.command.name, " ended with ", ExitText(exit), ": ",
                                          LastComplaint(log_path, child.log_start_bytes), " (log: ", log_path, ")"));
}

absl::Status Supervisor::HandleExit(Child& child, const ChildExit& exit) {
  const std::string what = absl::StrCat(child.command.name, " ended with ", ExitText(exit));
  const absl::Duration now = clock_->Monotonic();
  const bool is_early = now - child.started_at < kAdulthood;
  // A rank that asks to rejoin lost a peer: the fault is not its own.
  const bool is_rejoin = exit.code == common::kExitRejoin;
  const bool was_rejoin = child.last_exit_was_rejoin;
  child.last_exit_was_rejoin = is_rejoin;
  if (!is_rejoin) child.early_deaths = is_early ? child.early_deaths + 1 : 0;
  child.running.reset();
  if (exit.code == common::kExitUsage || child.early_deaths > kMaxEarlyDeaths) return GivenUp(child, exit);
  const absl::Duration delay =
      is_rejoin ? (was_rejoin ? kFirstDelay : absl::ZeroDuration()) : RestartDelay(child.early_deaths);
  child.restart_at = now + delay;
  on_message_(absl::StrCat(what, is_rejoin ? ", rejoins" : ", is started again"));
  return absl::OkStatus();
}

absl::Status Supervisor::Tick() {
  for (Child& child : children_) {
    if (child.is_draining) continue;
    if (child.running != nullptr) {
      const std::optional<ChildExit> exit = child.running->Poll();
      if (exit.has_value()) COHORT_RETURN_IF_ERROR(HandleExit(child, *exit));
    }
    if (child.running == nullptr && clock_->Monotonic() >= child.restart_at) {
      child.started_at = clock_->Monotonic();
      child.log_start_bytes = LogSize(child.command);
      COHORT_ASSIGN_OR_RETURN(child.running, ChildProcess::Start(child.command));
    }
  }
  return absl::OkStatus();
}

void Supervisor::Drain(std::string_view prefix, absl::Duration patience) {
  const auto is_meant = [&](const Child& child) {
    return StartsWith(child.command.name, prefix) && child.running != nullptr;
  };
  for (Child& child : children_) {
    if (StartsWith(child.command.name, prefix)) child.is_draining = true;
    if (is_meant(child)) child.running->Signal(SIGTERM);
  }
  const absl::Duration deadline = clock_->Monotonic() + patience;
  for (Child& child : children_) {
    if (!is_meant(child)) continue;
    while (!child.running->Poll().has_value() && clock_->Monotonic() < deadline) absl::SleepFor(kPollInterval);
    if (!child.running->Poll().has_value())
      on_message_(absl::StrCat(child.command.name, " did not drain and is killed"));
    child.running.reset();
  }
}

std::vector<std::pair<std::string, pid_t>> Supervisor::Running() {
  std::vector<std::pair<std::string, pid_t>> running;
  for (Child& child : children_) {
    if (child.running != nullptr && !child.running->Poll().has_value()) {
      running.emplace_back(child.command.name, child.running->Pid());
    }
  }
  return running;
}

}  // namespace cohort::cli
