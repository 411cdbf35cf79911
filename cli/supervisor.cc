// SPDX-License-Identifier: Apache-2.0
#include "cli/supervisor.h"

#include <signal.h>

#include <algorithm>
#include <fstream>
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
  return std::min(kLongestDelay, kFirstDelay * (1 << std::min(early_deaths - 1, 10)));
}

absl::Status GivenUp(const ChildCommand& command, const ChildExit& exit) {
  return absl::InternalError(absl::StrCat(command.name, " ended with ", ExitText(exit), ": ",
                                          LastComplaint(command.log_path), " (log: ", command.log_path, ")"));
}

// The sentence of a structured log line: the value of its key "reason" or "error", else the line as it is.
std::string Sentence(const std::string& line) {
  for (const std::string key : {" reason=\"", " error=\""}) {
    const size_t begin = line.find(key);
    if (begin == std::string::npos) continue;
    const size_t text = begin + key.size();
    return line.substr(text, line.rfind('"') - text);
  }
  return line;
}

bool StartsWith(const std::string& text, std::string_view prefix) {
  return std::string_view(text).substr(0, prefix.size()) == prefix;
}

}  // namespace

std::string LastComplaint(const std::string& log_path) {
  std::ifstream file(log_path);
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
  Child child{.command = command, .running = nullptr, .started_at = clock_->Monotonic(), .restart_at = {}};
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
    if (exit.has_value()) return GivenUp(child.command, *exit);
  }
  return absl::OkStatus();
}

absl::Status Supervisor::HandleExit(Child& child, const ChildExit& exit) {
  const std::string what = absl::StrCat(child.command.name, " ended with ", ExitText(exit));
  const absl::Duration now = clock_->Monotonic();
  child.early_deaths = now - child.started_at >= kAdulthood ? 1 : child.early_deaths + 1;
  child.running.reset();
  const bool is_rejoin = exit.code == common::kExitRejoin;
  if (exit.code == common::kExitUsage || child.early_deaths > kMaxEarlyDeaths) {
    return GivenUp(child.command, exit);
  }
  child.restart_at = is_rejoin ? now : now + RestartDelay(child.early_deaths);
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
