// SPDX-License-Identifier: Apache-2.0
#include "reward/sandbox/child_limits.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

// The wait status of a fork that runs `body`.
template <typename Body>
int StatusOf(Body body) {
  const pid_t pid = fork();
  if (pid == 0) {
    LimitChild();
    body();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  return status;
}

TEST(ChildLimitsTest, MemoryWithinTheLimitIsGiven) {
  const int status = StatusOf([] { std::memset(new char[64 << 20], 1, 64 << 20); });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(ChildLimitsTest, EndlessAllocationEndsTheProcess) {
  const int status = StatusOf([] {
    while (true) std::memset(new char[64 << 20], 1, 64 << 20);
  });
#if defined(__SANITIZE_ADDRESS__)  // which has its own way to die of a failed allocation
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#else
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kChildOutOfMemory);
#endif
}

TEST(ChildLimitsTest, ProcessorTimeBeyondTheBudgetKills) {
  const int status = StatusOf([] {
    LimitChildCpu(absl::ZeroDuration());
    for (volatile bool is_ever_done = false; !is_ever_done;) {
    }
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
}

}  // namespace
}  // namespace cohort::reward
