// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/zygote.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/status_macros.h"
#include "reward/sandbox/process_list.h"

namespace cohort::reward {
namespace {

// One request on the control socket, answered by one Reply. Packets keep their boundaries; a fork carries the child's
// end of its socket along.
struct Request {
  Zygote::ChildMain child_main = nullptr;  // fork and run this
  pid_t finish = 0;                        // or finish this child
};
struct Reply {
  int error = 0;  // errno
  pid_t pid = 0;
  int wait_status = 0;
};

union ControlBuffer {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

template <typename Call>
ssize_t RetryInterrupted(Call call) {
  ssize_t result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

// Closes everything from `first` on.
void CloseFrom(int first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  const int64_t end = std::clamp<int64_t>(sysconf(_SC_OPEN_MAX), 1024, 1 << 16);  // kernels before 5.9
  for (int fd = first; fd < end; ++fd) close(fd);
}

// In the fresh child.
[[noreturn]] void RunChild(Zygote::ChildMain child_main, int socket, pid_t zygote) {
  constexpr int kSocket = 3;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != zygote) _exit(1);
  setsid();
  prctl(PR_SET_NAME, "verifier");
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  if (socket != kSocket && dup2(socket, kSocket) < 0) _exit(1);
  fcntl(kSocket, F_SETFD, FD_CLOEXEC);
  CloseFrom(kSocket + 1);
  _exit(child_main(kSocket));
}

// The zygote itself: one loop, one thread.
class ZygoteProcess final {
 public:
  explicit ZygoteProcess(int control) : control_(control) {}

  [[noreturn]] void Serve() {
    Prepare();
    while (true) {
      Request request;
      int socket = -1;
      if (!Receive(&request, &socket)) break;  // the parent is gone
      const Reply reply = request.finish != 0 ? Finish(request.finish) : Fork(request.child_main, socket);
      if (socket >= 0) close(socket);
      if (RetryInterrupted([&] { return send(control_, &reply, sizeof(reply), MSG_NOSIGNAL); }) < 0) break;
    }
    while (!children_.empty()) Finish(children_.back());
    _exit(0);
  }

 private:
  // Signals of the terminal and of a supervisor are the parent's affair: the zygote lives as long as the parent needs
  // it.
  void Prepare() {
    setsid();
    prctl(PR_SET_NAME, "zygote");
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // what a killed child leaves behind is reaped here, not by init
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    const int null = open("/dev/null", O_RDWR);
    if (null >= 0) {
      dup2(null, STDIN_FILENO);
      dup2(null, STDOUT_FILENO);
    }
    constexpr int kControl = 3;
    if (control_ != kControl) dup2(control_, kControl);
    control_ = kControl;
    CloseFrom(kControl + 1);
  }

  bool Receive(Request* request, int* socket) const {
    iovec data = {request, sizeof(*request)};
    ControlBuffer control;
    msghdr message = {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof(control.bytes);
    const ssize_t size = RetryInterrupted([&] { return recvmsg(control_, &message, MSG_CMSG_CLOEXEC); });
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (size > 0 && header != nullptr && header->cmsg_type == SCM_RIGHTS) {
      std::memcpy(socket, CMSG_DATA(header), sizeof(*socket));
    }
    return size == sizeof(*request);
  }

  Reply Fork(Zygote::ChildMain child_main, int socket) {
    const pid_t zygote = getpid();
    const pid_t pid = fork();
    if (pid == 0) RunChild(child_main, socket, zygote);
    if (pid < 0) return {.error = errno};
    children_.push_back(pid);
    return {.pid = pid};
  }

  // Only Finish reaps, so a pid in children_ is never anybody else's.
  Reply Finish(pid_t pid) {
    if (!IsChild(pid)) return {.error = ESRCH};
    kill(pid, SIGKILL);  // it may not have made its process group yet
    kill(-pid, SIGKILL);
    siginfo_t info;
    RetryInterrupted(
        [&] { return waitid(P_PID, pid, &info, WEXITED | WNOWAIT); });  // the zombie keeps its number taken
    for (int pass = 0; pass < kMaxPasses && EndStrays(pid); ++pass) {
    }
    Reply reply = {.pid = pid};
    RetryInterrupted([&] { return waitpid(pid, &reply.wait_status, 0); });
    children_.erase(std::find(children_.begin(), children_.end(), pid));
    return reply;
  }

  bool IsChild(pid_t pid) const { return std::find(children_.begin(), children_.end(), pid) != children_.end(); }

  // Kills what an ended child left behind: its session, whatever process groups are in it (timeout(1) makes one), and
  // whoever left the session and lost its parent, which makes it a child of ours. False when nobody was there.
  bool EndStrays(pid_t ended) const {
    bool has_found = false;
    for (const ProcessEntry& process : ListProcesses()) {
      if (IsChild(process.pid)) continue;
      const bool is_ours = process.parent == getpid();
      const bool is_orphan = is_ours && !IsChild(process.session);  // else it belongs to a living child
      if (process.session != ended && !is_orphan) continue;
      has_found = true;
      kill(process.pid, SIGKILL);
      if (is_ours) RetryInterrupted([&] { return waitpid(process.pid, nullptr, 0); });
    }
    return has_found;
  }

  static constexpr int kMaxPasses = 64;  // each kills one generation

  int control_;
  std::vector<pid_t> children_;
};

// The parent's side.
class ZygoteClient final : public Zygote {
 public:
  ZygoteClient(pid_t pid, int control) : pid_(pid), control_(control) {}
  ~ZygoteClient() override {
    close(control_);
    RetryInterrupted([&] { return waitpid(pid_, nullptr, 0); });
  }

  absl::StatusOr<SandboxChild> Fork(ChildMain child_main) override {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      return absl::UnavailableError(absl::StrCat("zygote: no socket pair: ", std::strerror(errno)));
    }
    const absl::StatusOr<Reply> reply = Call({.child_main = child_main}, ends[1]);
    close(ends[1]);
    if (!reply.ok()) {
      close(ends[0]);
      return reply.status();
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return SandboxChild{reply->pid, ends[0]};
  }

  absl::StatusOr<int> Finish(const SandboxChild& child) override {
    close(child.socket);
    COHORT_ASSIGN_OR_RETURN(const Reply reply, Call({.finish = child.pid}, /*socket=*/-1));
    return reply.wait_status;
  }

  absl::Status CheckRunning() const override {
    pollfd fd = {control_, /*events=*/0, 0};  // a closed other end shows without being asked for
    return poll(&fd, 1, /*timeout=*/0) == 1 ? Gone() : absl::OkStatus();
  }

  // The zygote reads the end of its control socket and kills its children; a call that waits reads it too.
  void Stop() override { shutdown(control_, SHUT_RDWR); }

 private:
  absl::Status Gone() const { return absl::UnavailableError(absl::StrCat("zygote: process ", pid_, " is gone")); }

  absl::StatusOr<Reply> Call(Request request, int socket) {
    iovec data = {&request, sizeof(request)};
    ControlBuffer control = {};
    msghdr message = {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (socket >= 0) {
      message.msg_control = control.bytes;
      message.msg_controllen = sizeof(control.bytes);
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(socket));
      std::memcpy(CMSG_DATA(header), &socket, sizeof(socket));
    }
    Reply reply;
    absl::MutexLock lock(&mutex_);
    const bool sent = RetryInterrupted([&] { return sendmsg(control_, &message, MSG_NOSIGNAL); }) > 0;
    if (!sent || RetryInterrupted([&] { return recv(control_, &reply, sizeof(reply), 0); }) != sizeof(reply)) {
      return Gone();
    }
    if (reply.error != 0) return absl::UnavailableError(absl::StrCat("zygote: ", std::strerror(reply.error)));
    return reply;
  }

  const pid_t pid_;
  const int control_;
  absl::Mutex mutex_;  // one request at a time on control_
};

}  // namespace

absl::StatusOr<std::unique_ptr<Zygote>> Zygote::Start() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::UnavailableError(absl::StrCat("zygote: no socket pair: ", std::strerror(errno)));
  }
  const pid_t pid = fork();
  if (pid == 0) ZygoteProcess(ends[1]).Serve();
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return absl::UnavailableError(absl::StrCat("zygote: cannot fork: ", std::strerror(errno)));
  }
  return std::unique_ptr<Zygote>(new ZygoteClient(pid, ends[0]));
}

}  // namespace cohort::reward
