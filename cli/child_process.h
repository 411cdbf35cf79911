// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_CLI_CHILD_PROCESS_H_
#define COHORT_CLI_CHILD_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::cli {

// What a child runs.
struct ChildCommand {
  // Name for people: "worker-0".
  std::string name;
  // Program path and arguments.
  std::vector<std::string> argv;
  // Standard output and error are appended here.
  std::string log_path;
};

// How a child ended.
struct ChildExit {
  // Exit code, or -1 when a signal ended it.
  int code = 0;
  // The signal, or 0.
  int signal = 0;
};

// "exit code 2", "signal 9 (Killed)".
std::string ExitText(const ChildExit& exit);

// One running child in a process group of its own, so that a terminal's Ctrl-C reaches its parent alone. The kernel
// kills it when the thread that started it ends: start children from a thread that lives as long as they should. Not
// thread-safe. The destructor kills a child that still runs.
class ChildProcess final {
 public:
  // INTERNAL when the fork or the log file fails; a program that cannot be executed exits with code 127.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const ChildCommand& command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t Pid() const { return pid_; }
  // How it ended, or nothing while it runs. Does not wait.
  std::optional<ChildExit> Poll();
  // Does nothing once it has ended.
  void Signal(int signal);

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}

  const pid_t pid_;
  std::optional<ChildExit> exit_;
};

}  // namespace cohort::cli

#endif  // COHORT_CLI_CHILD_PROCESS_H_
