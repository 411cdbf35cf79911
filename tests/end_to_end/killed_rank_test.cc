// SPDX-License-Identifier: Apache-2.0
// SIGKILL of the ranks of a gang of two, in turn, while they train without a pause: the other rank leaves its
// collective with an error, the gang starts again from the last sealed checkpoint, and the final weights are those of
// an undisturbed run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/testing/temp_dir.h"
#include "tests/end_to_end/real_binaries.h"
#include "tests/end_to_end/tiny_example.h"
#include "tests/end_to_end/tiny_run.h"

namespace cohort::tests {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

constexpr int kStepsPerCheckpoint = 20;
// A rank does at least so many steps between two deaths of the gang: it comes past a checkpoint.
constexpr int kStepsBetweenKills = 25;
constexpr int kNumKills = 6;
// The last kill must meet a gang that trains. A gang begins no further than the one before came, so the kills use up at
// most the steps done between them: 6 * 25 = 150, and as many again that pass before the log is read and the signal
// arrives.
constexpr int kSteps = 300;
static_assert(kSteps >= kNumKills * 2 * kStepsBetweenKills);
// By which the moments within a step differ.
constexpr absl::Duration kOffset = absl::Milliseconds(3);

// How the ranks share the train state.
class KilledRankTest : public ::testing::TestWithParam<std::string> {
 protected:
  // Demonstrations need no sampling: a step is followed by the next one at once.
  void SetUp() override {
    WriteTinyExample(dir_.path());
    std::string job = absl::StrReplaceAll(
        ReadText(dir_.Join("sft.yaml")), {{absl::StrCat("num_steps: ", kSftSteps), absl::StrCat("num_steps: ", kSteps)},
                                          {"sequences_per_step: 16", "sequences_per_step: 64"},
                                          {"optimizer:\n", absl::StrCat("optimizer:\n  sharding: ", GetParam(), "\n")},
                                          {"training:\n", "training:\n  recompute_activations: true\n"}});
    absl::StrAppend(&job, "checkpoint:\n  every_steps: ", kStepsPerCheckpoint, "\n");
    WriteText(dir_.Join("long/sft.yaml"), job);
  }

  std::vector<std::string> Command(const std::string& run_dir) const {
    return {Binary("cli/cohortctl"),
            "local",
            "-f",
            dir_.Join("long/sft.yaml"),
            "--run_dir",
            run_dir,
            "--data_root",
            dir_.path(),
            "--model_root",
            dir_.path(),
            "--workers",
            "1",
            "--ranks",
            "2",
            "--log_level",
            "debug"};
  }

  static std::string LogOf(const std::string& run_dir, const std::string& learner) {
    return ReadText(absl::StrCat(run_dir, "/logs/", learner, ".log"));
  }

  // How often an event is in a rank's log, which goes on when the rank is started again.
  static int Count(const std::string& run_dir, const std::string& learner, const std::string& event) {
    const std::string log = LogOf(run_dir, learner);
    int count = 0;
    for (size_t at = log.find(event); at != std::string::npos; at = log.find(event, at + 1)) ++count;
    return count;
  }

  // Lets a rank train for a while, kills it between the end of a step and that of the next, and waits until the other
  // one knows.
  static void KillInAStep(const std::string& run_dir, RunningProgram* program, const std::string& killed,
                          const std::string& survivor, absl::Duration offset) {
    const auto has_ended = [&] { return program->HasEnded(); };
    const auto steps_done = [&] { return Count(run_dir, killed, "train step done"); };
    const auto losses = [&] { return Count(run_dir, survivor, "gang lost"); };
    const int steps_before = steps_done();
    const int losses_before = losses();
    ASSERT_TRUE(WaitUntil([&] { return steps_done() >= steps_before + kStepsBetweenKills; }, has_ended))
        << program->Text();
    absl::SleepFor(offset);
    const pid_t process = program->ChildWith(killed);
    ASSERT_GT(process, 0);
    ASSERT_EQ(kill(process, SIGKILL), 0);
    ASSERT_TRUE(WaitUntil([&] { return losses() > losses_before; }, has_ended)) << program->Text();
  }

  common::TempDir dir_;
};

TEST_P(KilledRankTest, GangStartsAgainFromItsCheckpointAndEndsWithTheSameWeights) {
  const std::string calm = dir_.Join("calm");
  const Finished undisturbed = RunProgram(Command(calm), calm + ".log");
  ASSERT_EQ(undisturbed.exit.code, 0) << undisturbed.text;

  const std::string killed = dir_.Join("killed");
  const std::vector<std::string> learners = {"learner-0", "learner-1"};
  RunningProgram program(Command(killed), killed + ".log");
  for (int i = 0; i < kNumKills; ++i) {
    ASSERT_NO_FATAL_FAILURE(KillInAStep(killed, &program, learners[i % 2], learners[(i + 1) % 2], i * kOffset)) << i;
  }
  const Finished finished = program.Finish();
  ASSERT_EQ(finished.exit.code, 0) << finished.text;
  for (const std::string& learner : learners) {
    EXPECT_THAT(finished.text, HasSubstr(absl::StrCat(learner, " ended with signal 9")));
  }
  const std::string logs = absl::StrCat(LogOf(killed, learners[0]), LogOf(killed, learners[1]));
  // Rank 0 always meets the loss in a collective, rank 1 may hear of it while it waits for the commit of rank 0.
  EXPECT_THAT(logs, ContainsRegex("gang lost [^\n]*(all-reduce|all-gather|barrier) of rank [01]"));
  EXPECT_THAT(logs, ContainsRegex("job started [^\n]*policy_version=[1-9]"));
  EXPECT_EQ(ReadLedger(killed, "sft").committed_versions, ReadLedger(calm, "sft").committed_versions);
  const std::string weights = FinalWeights(killed, "sft");
  EXPECT_FALSE(weights.empty());
  EXPECT_TRUE(weights == FinalWeights(calm, "sft"));
}

INSTANTIATE_TEST_SUITE_P(Sharding, KilledRankTest, ::testing::Values("none", "zero3"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace cohort::tests
