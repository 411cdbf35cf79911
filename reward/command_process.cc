// SPDX-License-Identifier: Apache-2.0
#include "reward/command_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "reward/answer_extraction.h"
#include "reward/score.h"

namespace cohort::reward {
namespace {

constexpr size_t kErrorTailBytes = 4096;

struct Pipe {
  int read = -1;
  int write = -1;
  bool Open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
  void Close() {
    if (read >= 0) close(read);
    if (write >= 0) close(write);
  }
};

void SetLimit(decltype(RLIMIT_AS) resource, rlim_t value) {
  rlimit limit;
  if (getrlimit(resource, &limit) != 0) return;
  limit.rlim_max = std::min(limit.rlim_max, value);  // nobody but root may raise it
  limit.rlim_cur = limit.rlim_max;
  setrlimit(resource, &limit);
}

// In the forked child, up to the exec; returns only on failure, with errno set.
void Exec(const CommandProcess::Options& options, char* const* argv, pid_t parent, const int standard_fds[3]) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(standard_fds[fd], fd) < 0) return;
  }
  signal(SIGPIPE, SIG_DFL);
  SetLimit(RLIMIT_CPU, RLIM_INFINITY);  // the caller's own limit counts its own time
  if (options.max_memory_bytes > 0) SetLimit(RLIMIT_AS, static_cast<rlim_t>(options.max_memory_bytes));
  if (!options.working_directory.empty() && chdir(options.working_directory.c_str()) != 0) return;
  execvp(argv[0], argv);
}

}  // namespace

absl::StatusOr<std::unique_ptr<CommandProcess>> CommandProcess::Start(const Options& options) {
  std::vector<char*> argv;
  for (const std::string& argument : options.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  Pipe in, out, err, failure;
  const bool is_open = in.Open() && out.Open() && err.Open() && failure.Open();
  const pid_t parent = getpid();
  const pid_t pid = is_open ? fork() : -1;
  if (pid == 0) {
    const int standard_fds[3] = {in.read, out.write, err.write};
    Exec(options, argv.data(), parent, standard_fds);
    const int error = errno;
    if (write(failure.write, &error, sizeof(error)) < 0) _exit(2);
    _exit(1);
  }
  int error = errno;
  if (pid > 0) {
    close(std::exchange(failure.write, -1));  // closed by the exec on the other side: nothing to read means success
    if (read(failure.read, &error, sizeof(error)) <= 0) error = 0;
    close(std::exchange(in.read, -1));
    close(std::exchange(out.write, -1));
    close(std::exchange(err.write, -1));
  }
  failure.Close();
  if (pid < 0 || error != 0) {
    if (pid > 0) waitpid(pid, nullptr, 0);
    for (Pipe* pipe : {&in, &out, &err}) pipe->Close();
    return absl::UnavailableError(absl::StrCat("cannot start ", Quoted(options.argv[0]), " in ",
                                               Quoted(options.working_directory), ": ", std::strerror(error)));
  }
  for (const int fd : {in.write, out.read, err.read}) fcntl(fd, F_SETFL, O_NONBLOCK);
  return std::unique_ptr<CommandProcess>(new CommandProcess(pid, in.write, out.read, err.read));
}

CommandProcess::CommandProcess(pid_t pid, int in, int out, int err)
    : pid_(pid), in_(in), out_(out), err_(err), end_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}

CommandProcess::~CommandProcess() {
  KillAndReap();
  if (end_ >= 0) close(end_);
  close(in_);
  close(out_);
  if (err_ >= 0) close(err_);
}

absl::StatusOr<std::string> CommandProcess::Exchange(std::string_view line) {
  if (pid_ <= 0) return absl::FailedPreconditionError("the program has ended before");
  const std::string request = absl::StrCat(absl::string_view(line.data(), line.size()), "\n");
  std::string_view rest = request;
  while (true) {
    const size_t newline = unread_.find('\n');
    if (newline != std::string::npos && newline <= kMaxLineBytes) {
      std::string answer = unread_.substr(0, newline);
      unread_.erase(0, newline + 1);
      return answer;
    }
    if (unread_.size() > kMaxLineBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("the answer is longer than ", kMaxLineBytes, " bytes"));
    }
    pollfd fds[4] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}, {rest.empty() ? -1 : in_, POLLOUT, 0}, {end_, POLLIN, 0}};
    if (poll(fds, 4, /*timeout=*/-1) < 0 && errno != EINTR) return absl::UnavailableError("poll failed");
    if (fds[1].revents != 0) DrainStandardError();
    if (fds[3].revents != 0) {  // no end of its pipes would come while a child of the program holds them
      ReadWhatIsLeft();
      if (unread_.find('\n') != std::string::npos || unread_.size() > kMaxLineBytes) continue;
      return Ended();
    }
    if (fds[2].revents != 0 && !WriteAvailable(&rest)) return Ended();
    if (fds[0].revents != 0 && !ReadAvailable(out_, &unread_) && unread_.find('\n') == std::string::npos)
      return Ended();
  }
}

bool CommandProcess::ReadAvailable(int fd, std::string* buffer) {
  char bytes[16384];
  const ssize_t size = read(fd, bytes, sizeof(bytes));
  if (size > 0) buffer->append(bytes, static_cast<size_t>(size));
  return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

void CommandProcess::ReadWhatIsLeft() {
  size_t size = 0;
  do {
    size = unread_.size();
  } while (size <= kMaxLineBytes && ReadAvailable(out_, &unread_) && unread_.size() > size);
}

bool CommandProcess::WriteAvailable(std::string_view* rest) {
  const ssize_t size = write(in_, rest->data(), rest->size());
  if (size > 0) rest->remove_prefix(static_cast<size_t>(size));
  return size >= 0 || errno == EAGAIN || errno == EINTR;
}

void CommandProcess::DrainStandardError() {
  if (!ReadAvailable(err_, &error_tail_)) {
    close(err_);
    err_ = -1;
  }
  if (error_tail_.size() > kErrorTailBytes) error_tail_.erase(0, error_tail_.size() - kErrorTailBytes);
}

int CommandProcess::KillAndReap() {
  int status = 0;
  if (pid_ <= 0) return status;  // signalling pid -1 would reach every process there is
  kill(pid_, SIGKILL);  // no effect on one that has exited; one that merely closed its pipes must not be waited for
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return status;
}

absl::Status CommandProcess::Ended() {
  const int status = KillAndReap();
  for (int i = 0; i < 4 && err_ >= 0; ++i) DrainStandardError();  // 64 KiB, what a pipe holds
  const absl::StatusOr<std::string_view> last_line = LastLine(error_tail_);
  return absl::UnavailableError(
      absl::StrCat(WIFEXITED(status) ? absl::StrCat("the program exited with status ", WEXITSTATUS(status))
                                     : absl::StrCat("the program was killed by signal ", WTERMSIG(status)),
                   last_line.ok() ? absl::StrCat("; it last wrote ", Quoted(*last_line)) : ""));
}

}  // namespace cohort::reward
