// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_REWARD_COMMAND_PROCESS_H_
#define COHORT_REWARD_COMMAND_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cohort::reward {

// A program that answers one line for each line it gets. No shell is involved. It stays in the process group of the
// caller (a sandboxed child, killed as a group), and dies with it. Has no clock: whoever watches the caller ends a wait
// by killing it. Not thread-safe; call from single-threaded processes only, because it forks.
class CommandProcess final {
 public:
  struct Options {
    std::vector<std::string> argv;  // argv[0] is looked up in PATH
    std::string working_directory;
    int64_t max_memory_bytes = 0;  // address space
  };
  // The longest answer; more is an error.
  static constexpr size_t kMaxLineBytes = 64 << 10;

  // UNAVAILABLE: cannot be started, and why.
  static absl::StatusOr<std::unique_ptr<CommandProcess>> Start(const Options& options);
  CommandProcess(const CommandProcess&) = delete;
  CommandProcess& operator=(const CommandProcess&) = delete;
  // Kills the program.
  ~CommandProcess();

  // Sends `line` and a line feed, waits for one line and returns it without its line feed. UNAVAILABLE: the program
  // ended (how, and the last line of its standard error), whoever may still hold its pipes open; RESOURCE_EXHAUSTED:
  // the answer is too long; FAILED_PRECONDITION: it had ended at an earlier call.
  absl::StatusOr<std::string> Exchange(std::string_view line);

 private:
  CommandProcess(pid_t pid, int in, int out, int err);

  // What can be read now goes to *buffer; false at the end of the stream.
  static bool ReadAvailable(int fd, std::string* buffer);
  // All that can be read of the answer without waiting, up to a little more than its limit.
  void ReadWhatIsLeft();
  bool WriteAvailable(std::string_view* rest);
  void DrainStandardError();
  absl::Status Ended();
  // The wait status; 0 and nothing done when there is no process any more.
  int KillAndReap();

  pid_t pid_;      // -1 once reaped
  const int in_;   // the program's standard input
  const int out_;  // its standard output
  int err_;        // its standard error; -1 once closed
  const int end_;  // readable once the program has ended; -1 on kernels without pidfd: then only its pipes tell
  std::string unread_;
  std::string error_tail_;
};

}  // namespace cohort::reward

#endif  // COHORT_REWARD_COMMAND_PROCESS_H_
