// SPDX-License-Identifier: Apache-2.0
#include "reward/command_process.h"

#include <signal.h>

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace cohort::reward {
namespace {

absl::StatusOr<std::unique_ptr<CommandProcess>> StartShell(const std::string& script) {
  return CommandProcess::Start({.argv = {"sh", "-c", script}, .working_directory = "/", .max_memory_bytes = 1 << 30});
}

class CommandProcessTest : public ::testing::Test {
 protected:
  void SetUp() override { signal(SIGPIPE, SIG_IGN); }  // as a verifier child does
};

TEST_F(CommandProcessTest, OneLineInOneLineOut) {
  const auto process = StartShell("while read -r line; do echo \"<$line>\"; done").value();
  EXPECT_EQ(process->Exchange("a").value(), "<a>");
  EXPECT_EQ(process->Exchange("").value(), "<>");
  const std::string long_line(60000, 'x');
  EXPECT_EQ(process->Exchange(long_line).value(), "<" + long_line + ">");
}

TEST_F(CommandProcessTest, LineLargerThanAPipeIsReadWhileItIsWritten) {
  const auto process = StartShell("while read -r line; do echo ok; done").value();
  EXPECT_EQ(process->Exchange(std::string(1 << 20, 'x')).value(), "ok");
}

TEST_F(CommandProcessTest, EndedProgramStaysEndedAndSignalsNobody) {
  const auto process = StartShell("exit 4").value();
  EXPECT_EQ(process->Exchange("a").status().message(), "the program exited with status 4");
  EXPECT_TRUE(absl::IsFailedPrecondition(process->Exchange("b").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(process->Exchange("c").status()));
}

TEST_F(CommandProcessTest, ProgramThatClosesItsOutputIsKilledAndNotWaitedFor) {
  const auto process = StartShell("exec >&-; exec sleep 1000").value();
  EXPECT_EQ(process->Exchange("a").status().message(), "the program was killed by signal 9");
}

TEST_F(CommandProcessTest, ExitIsSeenThoughAGrandchildKeepsThePipesOpen) {
  const auto process = StartShell("sleep 1000 & echo $!; read -r line; echo bye >&2; exit 3").value();
  const pid_t grandchild = std::stoi(process->Exchange("").value());
  EXPECT_EQ(process->Exchange("a").status().message(), "the program exited with status 3; it last wrote \"bye\"");
  EXPECT_EQ(kill(grandchild, SIGKILL), 0);
}

TEST_F(CommandProcessTest, AnswerOfAProgramThatEndsAfterItStillCounts) {
  const auto process = StartShell("read -r line; sleep 1000 & echo $!").value();
  const absl::StatusOr<std::string> answer = process->Exchange("a");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(kill(std::stoi(*answer), SIGKILL), 0);
}

TEST_F(CommandProcessTest, EndlessLineIsRefused) {
  const auto process =
      StartShell("while :; do printf xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done").value();
  EXPECT_TRUE(absl::IsResourceExhausted(process->Exchange("a").status()));
}

}  // namespace
}  // namespace cohort::reward
