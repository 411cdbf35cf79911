// SPDX-License-Identifier: Apache-2.0
#include "common/shutdown.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cohort::common {
namespace {

constexpr absl::Duration kLong = absl::Seconds(30);

class ShutdownTest : public ::testing::Test {
 protected:
  // A signal that nobody took stays pending in the process: the next test must not meet it.
  ~ShutdownTest() override {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    const timespec now = {};
    while (sigtimedwait(&signals, nullptr, &now) > 0) {
    }
  }
};

TEST_F(ShutdownTest, StartsUnrequested) {
  const Shutdown shutdown;
  EXPECT_FALSE(shutdown.IsRequested());
  EXPECT_FALSE(shutdown.WaitFor(absl::ZeroDuration()));
}

TEST_F(ShutdownTest, TerminationSignalsRequestIt) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const Shutdown shutdown;
    ASSERT_EQ(kill(getpid(), signal), 0);
    EXPECT_TRUE(shutdown.WaitFor(kLong));
    EXPECT_TRUE(shutdown.IsRequested());
  }
}

TEST_F(ShutdownTest, SecondSignalWhileDrainingIsIgnored) {
  const Shutdown shutdown;
  kill(getpid(), SIGTERM);
  ASSERT_TRUE(shutdown.WaitFor(kLong));
  kill(getpid(), SIGTERM);
  kill(getpid(), SIGINT);
  EXPECT_TRUE(shutdown.IsRequested());
}

TEST_F(ShutdownTest, RequestWakesAWaiter) {
  Shutdown shutdown;
  std::thread requester([&] { shutdown.Request(); });
  EXPECT_TRUE(shutdown.WaitFor(kLong));
  requester.join();
}

TEST_F(ShutdownTest, ChildDiesOfSigtermAfterRestoreDefaultSignals) {
  const Shutdown shutdown;
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);  // another signal than the expected one, should the child be deaf
    RestoreDefaultSignals();
    while (true) pause();
  }
  ASSERT_EQ(kill(child, SIGTERM), 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
  EXPECT_FALSE(shutdown.IsRequested());
}

}  // namespace
}  // namespace cohort::common
