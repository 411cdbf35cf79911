// SPDX-License-Identifier: Apache-2.0
#include "tests/end_to_end/real_binaries.h"

#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace cohort::tests {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(3);

}  // namespace

std::string Binary(const std::string& name) {
  const char* root = getenv("TEST_SRCDIR");
  return absl::StrCat(root == nullptr ? "." : root, "/cohort/", name);
}

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void WriteText(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

bool WaitUntil(const std::function<bool()>& condition, const std::function<bool()>& give_up) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!condition()) {
    if (give_up() || absl::Now() > deadline) return condition();
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

std::string AddressIn(const std::string& address_file, const std::string& key) {
  const std::string text = ReadText(address_file);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, key + "=")) return std::string(line);
  }
  return "";
}

// A zombie has ended: /proc/<pid>/stat says so after the name.
bool IsAlive(pid_t pid) {
  const std::string stat = ReadText(absl::StrCat("/proc/", pid, "/stat"));
  const size_t name_end = stat.rfind(')');
  return name_end != std::string::npos && stat.substr(name_end, 3) != ") Z";
}

RunningProgram::RunningProgram(const std::vector<std::string>& argv, const std::string& log_path)
    : log_path_(log_path) {
  auto child = cli::ChildProcess::Start({.name = argv[0], .argv = argv, .log_path = log_path});
  if (!child.ok()) abort();  // the test cannot go on without a process
  child_ = *std::move(child);
}

Finished RunningProgram::Finish() {
  if (!WaitUntil([this] { return HasEnded(); })) {
    child_->Signal(SIGKILL);
    WaitUntil([this] { return HasEnded(); });
  }
  return {.exit = *child_->Poll(), .text = Text()};
}

std::string RunningProgram::Text() const { return ReadText(log_path_); }

pid_t RunningProgram::ChildWith(const std::string& argument) const {
  const std::string own = absl::StrCat(child_->Pid());
  const std::string children = ReadText(absl::StrCat("/proc/", own, "/task/", own, "/children"));
  for (const absl::string_view pid : absl::StrSplit(children, ' ', absl::SkipWhitespace())) {
    const std::string command_line = ReadText(absl::StrCat("/proc/", pid, "/cmdline"));
    for (const absl::string_view part : absl::StrSplit(command_line, '\0')) {
      if (part == argument) return atoi(std::string(pid).c_str());
    }
  }
  return 0;
}

Finished RunProgram(const std::vector<std::string>& argv, const std::string& log_path) {
  return RunningProgram(argv, log_path).Finish();
}

}  // namespace cohort::tests
