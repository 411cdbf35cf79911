// SPDX-License-Identifier: Apache-2.0
#include "cli/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/shutdown.h"

namespace cohort::cli {
namespace {

// The child's side of the fork: async-signal-safe calls only, since other threads of the parent may hold locks.
[[noreturn]] void RunChild(char* const* argv, int log_fd, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // the parent died before prctl took hold
  setpgid(0, 0);
  common::RestoreDefaultSignals();
  const int null_fd = open("/dev/null", O_RDONLY);
  if (null_fd >= 0) dup2(null_fd, STDIN_FILENO);
  dup2(log_fd, STDOUT_FILENO);
  dup2(log_fd, STDERR_FILENO);
  syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);  // what libraries open is not always close-on-exec
  execv(argv[0], argv);
  static constexpr char kMessage[] = "cannot execute the program\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  _exit(127);
}

}  // namespace

std::string ExitText(const ChildExit& exit) {
  if (exit.signal != 0) return absl::StrCat("signal ", exit.signal, " (", strsignal(exit.signal), ")");
  return absl::StrCat("exit code ", exit.code);
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const ChildCommand& command) {
  const int log_fd = open(command.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log_fd < 0) {
    return absl::InternalError(
        absl::StrCat("log file cannot be opened: ", strerror(errno), " (", command.log_path, ")"));
  }
  std::vector<char*> argv;
  for (const std::string& argument : command.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) RunChild(argv.data(), log_fd, parent);
  const int fork_error = errno;
  close(log_fd);
  if (pid < 0) return absl::InternalError(absl::StrCat(command.name, " cannot be started: ", strerror(fork_error)));
  setpgid(pid, pid);  // both sides set it: whoever comes first
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid));
}

ChildProcess::~ChildProcess() {
  if (Poll().has_value()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::optional<ChildExit> ChildProcess::Poll() {
  if (exit_.has_value()) return exit_;
  int status = 0;
  const pid_t reaped = waitpid(pid_, &status, WNOHANG);
  if (reaped == pid_) {
    exit_ = WIFSIGNALED(status) ? ChildExit{.code = -1, .signal = WTERMSIG(status)}
                                : ChildExit{.code = WEXITSTATUS(status), .signal = 0};
  } else if (reaped < 0 && errno == ECHILD) {
    exit_ = ChildExit{.code = -1, .signal = 0};  // reaped by the kernel: SIGCHLD is ignored here
  }
  return exit_;
}

void ChildProcess::Signal(int signal) {
  if (!Poll().has_value()) kill(pid_, signal);
}

}  // namespace cohort::cli
