// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/process_list.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

ProcessEntry Find(pid_t pid) {
  const auto processes = ListProcesses();
  const auto it = std::find_if(processes.begin(), processes.end(), [&](const auto& entry) { return entry.pid == pid; });
  return it == processes.end() ? ProcessEntry() : *it;
}

TEST(ProcessListTest, KnowsParentAndSessionWhateverTheName) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    prctl(PR_SET_NAME, "a) R 1 1 (");
    if (write(pipe_ends[1], "x", 1) != 1) _exit(1);
    while (true) pause();
  }
  char byte;
  ASSERT_EQ(read(pipe_ends[0], &byte, 1), 1);
  EXPECT_EQ(Find(getpid()).parent, getppid());
  EXPECT_EQ(Find(getpid()).session, getsid(0));
  EXPECT_EQ(Find(child).parent, getpid());
  EXPECT_EQ(Find(child).session, child);

  kill(child, SIGKILL);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(Find(child).parent, getpid()) << "a zombie is still there";
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(Find(child).pid, 0);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
}

}  // namespace
}  // namespace cohort::reward
