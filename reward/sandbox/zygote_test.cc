// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/zygote.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

// Says hello, then waits for the other side to close.
int WaitMain(int socket) {
  char byte = 'h';
  if (write(socket, &byte, 1) != 1) return 1;
  return read(socket, &byte, 1) == 0 ? 7 : 1;
}

// Leaves a child of its own in the process group; says hello when it is there. Neither ends by itself.
int ForkMain(int socket) {
  const pid_t pid = fork();
  if (pid != 0 && write(socket, &pid, sizeof(pid)) != sizeof(pid)) return 1;
  while (true) pause();
}

// What escapes from a process group: a job in a group of its own (as timeout(1) makes it), a child in a session of its
// own, and a daemon, whose parent ends at once. Sends their pids and waits.
int EscapeMain(int socket) {
  const pid_t job = fork();
  if (job == 0) {
    setpgid(0, 0);
    while (true) pause();
  }
  setpgid(job, job);
  int ready[2];
  if (pipe(ready) != 0) return 1;
  pid_t pids[3] = {job, 0, 0};
  for (const bool is_daemon : {false, true}) {
    const pid_t pid = fork();
    if (pid == 0) {
      if (is_daemon && fork() != 0) _exit(0);
      setsid();
      const pid_t self = getpid();
      if (write(ready[1], &self, sizeof(self)) != sizeof(self)) _exit(1);
      while (true) pause();
    }
    if (read(ready[0], &pids[is_daemon ? 2 : 1], sizeof(pid_t)) != sizeof(pid_t)) return 1;
    if (is_daemon) waitpid(pid, nullptr, 0);
  }
  if (write(socket, pids, sizeof(pids)) != sizeof(pids)) return 1;
  while (true) pause();
}

struct Escapees {
  pid_t pids[3];
};

int CountDescriptorsMain(int socket) {
  char count = 0;
  DIR* const directory = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.' && std::stoi(entry->d_name) != dirfd(directory)) ++count;
  }
  const bool is_leader = getsid(0) == getpid() && getpgrp() == getpid();
  const char answer[2] = {count, is_leader ? 'y' : 'n'};
  return write(socket, answer, 2) == 2 ? 0 : 1;
}

void WaitReadable(int fd) {
  pollfd poll_fd = {fd, POLLIN, 0};
  poll(&poll_fd, 1, -1);
}

template <typename T>
T Receive(int fd) {
  T value = {};
  WaitReadable(fd);
  EXPECT_EQ(read(fd, &value, sizeof(value)), static_cast<ssize_t>(sizeof(value)));
  return value;
}

bool IsAlive(pid_t pid) { return kill(pid, 0) == 0 || errno != ESRCH; }

TEST(ZygoteTest, ChildHasNothingButItsSocketAndIsALeader) {
  const int stray = open("/dev/null", O_RDONLY);  // not close-on-exec
  const auto zygote = Zygote::Start().value();
  const SandboxChild child = zygote->Fork(&CountDescriptorsMain).value();
  WaitReadable(child.socket);
  char answer[2] = {};
  ASSERT_EQ(read(child.socket, answer, 2), 2);
  EXPECT_LE(answer[0], 4);  // 0, 1, 2 and the socket
  EXPECT_EQ(answer[1], 'y');
  EXPECT_TRUE(zygote->Finish(child).ok());
  close(stray);
}

TEST(ZygoteTest, FinishTellsHowTheChildEnded) {
  const auto zygote = Zygote::Start().value();
  const SandboxChild running = zygote->Fork(&WaitMain).value();
  EXPECT_EQ(Receive<char>(running.socket), 'h');
  const SandboxChild ended = zygote->Fork([](int) { return 7; }).value();
  WaitReadable(ended.socket);  // its end of the socket closes

  const int ended_status = zygote->Finish(ended).value();
  EXPECT_TRUE(WIFEXITED(ended_status) && WEXITSTATUS(ended_status) == 7);
  EXPECT_FALSE(IsAlive(ended.pid));
  EXPECT_TRUE(IsAlive(running.pid));
  EXPECT_TRUE(absl::IsUnavailable(zygote->Finish({ended.pid, -1}).status()));
}

TEST(ZygoteTest, ALostZygoteIsSaid) {
  const auto zygote = Zygote::Start().value();
  const SandboxChild child = zygote
                                 ->Fork([](int socket) {
                                   const pid_t parent = getppid();
                                   return write(socket, &parent, sizeof(parent)) == sizeof(parent) ? 0 : 1;
                                 })
                                 .value();
  const auto pid = Receive<pid_t>(child.socket);
  EXPECT_TRUE(zygote->CheckRunning().ok());
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(absl::IsUnavailable(zygote->CheckRunning()));
  EXPECT_TRUE(absl::IsUnavailable(zygote->Fork(&WaitMain).status()));
  close(child.socket);
}

TEST(ZygoteTest, FinishKillsTheWholeProcessGroup) {
  const auto zygote = Zygote::Start().value();
  const SandboxChild child = zygote->Fork(&ForkMain).value();
  const pid_t grandchild = Receive<pid_t>(child.socket);
  ASSERT_TRUE(IsAlive(grandchild));
  const int status = zygote->Finish(child).value();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(IsAlive(child.pid));
  EXPECT_FALSE(IsAlive(grandchild));
}

TEST(ZygoteTest, FinishKillsWhatLeftTheProcessGroupAndNobodyElse) {
  const auto zygote = Zygote::Start().value();
  const SandboxChild other = zygote->Fork(&ForkMain).value();
  const pid_t grandchild_of_other = Receive<pid_t>(other.socket);
  const SandboxChild child = zygote->Fork(&EscapeMain).value();
  const auto escapees = Receive<Escapees>(child.socket);
  for (const pid_t pid : escapees.pids) ASSERT_TRUE(IsAlive(pid));
  EXPECT_TRUE(zygote->Finish(child).ok());
  for (const pid_t pid : escapees.pids) EXPECT_FALSE(IsAlive(pid)) << pid;
  EXPECT_TRUE(IsAlive(other.pid));
  EXPECT_TRUE(IsAlive(grandchild_of_other));
}

TEST(ZygoteTest, StopKillsChildrenAndRefusesMore) {
  const auto zygote = Zygote::Start();
  ASSERT_TRUE(zygote.ok());
  const auto child = (*zygote)->Fork(&ForkMain);
  ASSERT_TRUE(child.ok());
  Receive<pid_t>(child->socket);
  (*zygote)->Stop();
  WaitReadable(child->socket);
  char byte;
  EXPECT_EQ(read(child->socket, &byte, 1), 0);
  EXPECT_TRUE(absl::IsUnavailable((*zygote)->Fork(&WaitMain).status()));
  EXPECT_TRUE(absl::IsUnavailable((*zygote)->Finish(*child).status()));
}

TEST(ZygoteTest, DestructorLeavesNobody) {
  auto zygote = Zygote::Start().value();
  const SandboxChild child = zygote->Fork(&ForkMain).value();
  const pid_t grandchild = Receive<pid_t>(child.socket);
  zygote.reset();
  EXPECT_FALSE(IsAlive(child.pid));
  EXPECT_FALSE(IsAlive(grandchild));
  close(child.socket);
}

TEST(ZygoteTest, KilledParentLeavesNoOrphans) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // orphans become ours, so that waiting for them needs no clock
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t parent = fork();
  if (parent == 0) {  // a rollout worker, say
    auto zygote = Zygote::Start().value();
    pid_t pids[4] = {};
    for (int i = 0; i < 2; ++i) {
      const SandboxChild child = zygote->Fork(&ForkMain).value();
      pids[2 * i] = child.pid;
      pids[2 * i + 1] = Receive<pid_t>(child.socket);
    }
    if (write(pipe_ends[1], pids, sizeof(pids)) != sizeof(pids)) _exit(1);
    while (true) pause();
  }
  pid_t pids[4] = {};
  ASSERT_EQ(read(pipe_ends[0], pids, sizeof(pids)), static_cast<ssize_t>(sizeof(pids)));
  for (const pid_t pid : pids) ASSERT_TRUE(IsAlive(pid));
  ASSERT_EQ(kill(parent, SIGKILL), 0);
  while (waitpid(-1, nullptr, 0) > 0) {  // the parent, then the zygote, which ends when its children have
  }
  for (const pid_t pid : pids) EXPECT_FALSE(IsAlive(pid));
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace cohort::reward
