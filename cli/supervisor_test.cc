// SPDX-License-Identifier: Apache-2.0
#include "cli/supervisor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "common/testing/simulated_clock.h"
#include "common/testing/temp_dir.h"

namespace cohort::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class SupervisorTest : public ::testing::Test {
 protected:
  ChildCommand Shell(const std::string& name, const std::string& script) const {
    return {.name = name, .argv = {"/bin/sh", "-c", script}, .log_path = dir_.path() + "/" + name + ".log"};
  }
  std::string Log(const std::string& name) const {
    std::ifstream file(dir_.path() + "/" + name + ".log");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  // Waits for the child's end without reaping it.
  static void AwaitEnd(pid_t pid) {
    siginfo_t info;
    ASSERT_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
  }
  // Runs the only child to its end, then ticks once.
  absl::Status EndAndTick() {
    const auto running = supervisor_.Running();
    if (!running.empty()) AwaitEnd(running[0].second);
    return supervisor_.Tick();
  }

  common::TempDir dir_;
  common::SimulatedClock clock_;
  std::vector<std::string> messages_;
  Supervisor supervisor_{&clock_, [this](std::string_view text) { messages_.emplace_back(text); }};
};

TEST_F(SupervisorTest, DeadChildIsStartedAgainAfterADelay) {
  ASSERT_TRUE(supervisor_.Start(Shell("child", "echo started; exit 1")).ok());
  ASSERT_TRUE(EndAndTick().ok());
  ASSERT_TRUE(supervisor_.Tick().ok());
  EXPECT_EQ(Log("child"), "started\n");  // the delay is not over
  clock_.Advance(absl::Milliseconds(250));
  ASSERT_TRUE(supervisor_.Tick().ok());
  ASSERT_TRUE(EndAndTick().ok());
  EXPECT_EQ(Log("child"), "started\nstarted\n");
  EXPECT_THAT(messages_[0], HasSubstr("child ended with exit code 1"));
}

TEST_F(SupervisorTest, RejoinCodeIsStartedAgainAtOnce) {
  ASSERT_TRUE(supervisor_.Start(Shell("child", "echo started; exit 75")).ok());
  ASSERT_TRUE(EndAndTick().ok());
  ASSERT_TRUE(EndAndTick().ok());
  EXPECT_THAT(Log("child"), HasSubstr("started\nstarted\n"));
}

TEST_F(SupervisorTest, RankThatRejoinsOftenIsNotGivenUp) {
  ASSERT_TRUE(supervisor_.Start(Shell("child", "exit 75")).ok());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(EndAndTick().ok()) << i;
    clock_.Advance(absl::Seconds(1));
    ASSERT_TRUE(supervisor_.Tick().ok());
  }
}

TEST_F(SupervisorTest, ComplaintIsOfTheLifeThatEnded) {
  std::ofstream(dir_.Join("child.log")) << "an old error=\"of an earlier run\"\n";
  ASSERT_TRUE(supervisor_.Start(Shell("child", "echo 'x reason=\"the flag is wrong\" path=\"y\"'; exit 2")).ok());
  const absl::Status status = EndAndTick();
  EXPECT_THAT(std::string(status.message()), HasSubstr(": the flag is wrong ("));
}

TEST_F(SupervisorTest, ChildKilledBySignalIsStartedAgain) {
  ASSERT_TRUE(supervisor_.Start(Shell("child", "echo started; kill -9 $$")).ok());
  ASSERT_TRUE(EndAndTick().ok());
  EXPECT_THAT(messages_[0], HasSubstr("signal 9"));
}

TEST_F(SupervisorTest, ChildThatRefusesItsFlagsIsGivenUpWithItsComplaint) {
  ASSERT_TRUE(supervisor_.Start(Shell("child", "echo 'error: no such flag'; echo bye; exit 2")).ok());
  const absl::Status status = EndAndTick();
  EXPECT_THAT(std::string(status.message()), HasSubstr("exit code 2: error: no such flag"));
}

TEST_F(SupervisorTest, ComplaintOfAStructuredLogIsItsReason) {
  std::ofstream(dir_.path() + "/log")
      << "2026 error learner stopped reason=\"DATA_LOSS: a.json: cut\"\n2026 info bye\n";
  EXPECT_EQ(LastComplaint(dir_.path() + "/log"), "DATA_LOSS: a.json: cut");
}

TEST_F(SupervisorTest, ChildThatKeepsDyingYoungIsGivenUp) {
  ASSERT_TRUE(supervisor_.Start(Shell("child", "exit 1")).ok());
  absl::Status status;
  int num_deaths = 0;
  for (; status.ok() && num_deaths < 100; ++num_deaths) {
    status = EndAndTick();
    clock_.Advance(absl::Seconds(4));
    if (status.ok()) status = supervisor_.Tick();
  }
  EXPECT_EQ(num_deaths, 7);
}

TEST_F(SupervisorTest, DrainSendsSigtermToTheNamedChildrenOnly) {
  const std::string script = "trap 'echo drained; exit 0' TERM; echo up; while :; do sleep 0.01; done";
  ASSERT_TRUE(supervisor_.Start(Shell("learner-0", script)).ok());
  ASSERT_TRUE(supervisor_.Start(Shell("worker-0", script)).ok());
  while (Log("learner-0").empty()) std::this_thread::yield();  // the trap is set before "up"
  clock_.Advance(absl::Seconds(1));
  supervisor_.Drain("learner", absl::Hours(1));
  EXPECT_THAT(Log("learner-0"), HasSubstr("drained"));
  EXPECT_THAT(supervisor_.Running(), SizeIs(1));
  ASSERT_TRUE(supervisor_.Tick().ok());
  EXPECT_THAT(supervisor_.Running(), SizeIs(1));  // a drained child is not started again
}

TEST(ChildProcessTest, DiesWithTheThreadThatStartedIt) {
  const common::TempDir dir;
  const std::string log = dir.path() + "/log";
  std::unique_ptr<ChildProcess> child;
  std::thread([&] {
    auto started =
        ChildProcess::Start({.name = "child", .argv = {"/bin/sh", "-c", "echo up; exec sleep 1000"}, .log_path = log});
    ASSERT_TRUE(started.ok()) << started.status();
    child = *std::move(started);
    while (std::ifstream(log).peek() == EOF) std::this_thread::yield();  // past its prctl
  }).join();
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, child->Pid(), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(child->Poll()->signal, SIGKILL);
}

TEST(ChildProcessTest, ChildHasNoDescriptorsOfItsParent) {
  const common::TempDir dir;
  const int stray = open("/dev/null", O_RDONLY);  // not close-on-exec
  ASSERT_GE(stray, 0);
  auto child = ChildProcess::Start({.name = "child",
                                    .argv = {"/bin/sh", "-c", "test ! -e /proc/$$/fd/$1", "sh", std::to_string(stray)},
                                    .log_path = dir.path() + "/log"});
  ASSERT_TRUE(child.ok());
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, (*child)->Pid(), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ((*child)->Poll()->code, 0);
  close(stray);
}

TEST(ChildProcessTest, ProgramThatCannotBeExecutedExitsWith127) {
  const common::TempDir dir;
  auto child = ChildProcess::Start({.name = "child", .argv = {"/nowhere/program"}, .log_path = dir.path() + "/log"});
  ASSERT_TRUE(child.ok());
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, (*child)->Pid(), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ((*child)->Poll()->code, 127);
}

}  // namespace
}  // namespace cohort::cli
