// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGKILL in the middle of a job: everything goes on, nothing is trained twice or lost, and the final
// weights are those of an undisturbed run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/manifest.h"
#include "tests/end_to_end/real_binaries.h"
#include "tests/end_to_end/tiny_example.h"
#include "tests/end_to_end/tiny_run.h"

namespace cohort::tests {
namespace {

using ::testing::HasSubstr;

class InterruptionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new common::TempDir;
    WriteTinyExample(dir_->path());
    const Finished finished = TinyRun(dir_->path(), Calm()).Program().Finish();
    ASSERT_EQ(finished.exit.code, 0) << finished.text;
  }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }
  static std::string Calm() { return dir_->Join("calm"); }

  static common::TempDir* dir_;
};

common::TempDir* InterruptionTest::dir_ = nullptr;

TEST_F(InterruptionTest, SigtermDrainsSealsExitsZeroAndTheSameCommandGoesOn) {
  const std::string run_dir = dir_->Join("drained");
  pid_t learner = 0;
  pid_t coordinator = 0;
  {
    TinyRun run(dir_->path(), run_dir);
    ASSERT_TRUE(run.AwaitStep("rlvr", 2)) << run.Program().Text();
    learner = run.ProcessOf("learner-0");
    coordinator = run.ProcessOf("coordinator");
    run.Program().Signal(SIGTERM);
    const Finished stopped = run.Program().Finish();
    EXPECT_EQ(stopped.exit.code, 0) << stopped.text;
    EXPECT_THAT(stopped.text, HasSubstr("stopped; the same command with --run_dir"));
    EXPECT_THAT(stopped.text, ::testing::Not(HasSubstr("is killed")));
  }
  EXPECT_FALSE(IsAlive(learner));
  EXPECT_FALSE(IsAlive(coordinator));
  const auto manifest = learner::VerifyManifest(ReadLedger(run_dir, "rlvr").checkpoint_path);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_GE(manifest->policy_version, 2);
  EXPECT_LT(manifest->policy_version, kRlvrSteps);

  const Finished resumed = TinyRun(dir_->path(), run_dir).Program().Finish();
  EXPECT_EQ(resumed.exit.code, 0) << resumed.text;
  ExpectExactRun(run_dir);
  EXPECT_TRUE(FinalWeights(run_dir) == FinalWeights(Calm()));
}

TEST_F(InterruptionTest, SigtermBeforeAnythingTrainsLeavesNobodyAndTheSameCommandGoesOn) {
  const std::string run_dir = dir_->Join("early");
  std::vector<pid_t> processes;
  {
    TinyRun run(dir_->path(), run_dir);
    // As soon as the coordinator runs, it may not serve yet; then again with every process there.
    ASSERT_TRUE(WaitUntil([&] { return run.ProcessOf("coordinator") > 0; }, [&] { return run.Program().HasEnded(); }));
    processes.push_back(run.ProcessOf("coordinator"));
    run.Program().Signal(SIGTERM);
    const Finished stopped = run.Program().Finish();
    EXPECT_EQ(stopped.exit.code, 0) << stopped.text;
    EXPECT_THAT(stopped.text, HasSubstr("stopped; the same command with --run_dir"));
  }
  {
    TinyRun run(dir_->path(), run_dir);
    for (const char* name : {"worker-1", "learner-1", "coordinator"}) {
      ASSERT_TRUE(WaitUntil([&] { return run.ProcessOf(name) > 0; }, [&] { return run.Program().HasEnded(); })) << name;
      processes.push_back(run.ProcessOf(name));
    }
    run.Program().Signal(SIGTERM);
    run.Program().Signal(SIGTERM);  // impatience changes nothing
    const Finished stopped = run.Program().Finish();
    EXPECT_EQ(stopped.exit.code, 0) << stopped.text;
    EXPECT_THAT(stopped.text, ::testing::Not(HasSubstr("is killed")));
  }
  for (const pid_t process : processes) EXPECT_FALSE(IsAlive(process)) << process;

  const Finished resumed = TinyRun(dir_->path(), run_dir).Program().Finish();
  EXPECT_EQ(resumed.exit.code, 0) << resumed.text;
  ExpectExactRun(run_dir);
  EXPECT_TRUE(FinalWeights(run_dir) == FinalWeights(Calm()));
}

TEST_F(InterruptionTest, KilledLocalLeavesNobodyAndASecondOneOnTheSameFolderIsRefused) {
  const std::string run_dir = dir_->Join("orphaned");
  std::vector<pid_t> processes;
  {
    TinyRun run(dir_->path(), run_dir);
    ASSERT_TRUE(run.AwaitStep("sft", 1)) << run.Program().Text();
    const Finished second = TinyRun(dir_->path(), run_dir).Program().Finish();
    EXPECT_EQ(second.exit.code, 1) << second.text;
    EXPECT_THAT(second.text, HasSubstr("--run_dir: is in use by another process"));
    for (const char* name : {"coordinator", "worker-0", "worker-1", "learner-0", "learner-1"}) {
      processes.push_back(run.ProcessOf(name));
      ASSERT_TRUE(IsAlive(processes.back())) << name;
    }
    run.Program().Signal(SIGKILL);
    run.Program().Finish();
  }
  for (const pid_t process : processes) {
    EXPECT_TRUE(WaitUntil([&] { return !IsAlive(process); })) << process;
  }
  const Finished resumed = TinyRun(dir_->path(), run_dir).Program().Finish();
  EXPECT_EQ(resumed.exit.code, 0) << resumed.text;
  ExpectExactRun(run_dir);
}

TEST_F(InterruptionTest, WorkerThatCanJudgeNothingEndsAndIsStartedAgain) {
  const std::string run_dir = dir_->Join("zygote");
  TinyRun run(dir_->path(), run_dir);
  // Before anything is to be judged: later the run may be over before the worker needs its zygote.
  ASSERT_TRUE(run.AwaitStep("sft", 1)) << run.Program().Text();
  const std::string worker = absl::StrCat(run.ProcessOf("worker-1"));
  pid_t zygote = 0;  // a worker forks nothing else
  ASSERT_TRUE(WaitUntil([&] {
    zygote = atoi(ReadText(absl::StrCat("/proc/", worker, "/task/", worker, "/children")).c_str());
    return zygote > 0;
  }));
  ASSERT_EQ(kill(zygote, SIGKILL), 0);
  const Finished finished = run.Program().Finish();
  EXPECT_EQ(finished.exit.code, 0) << finished.text;
  EXPECT_THAT(finished.text, HasSubstr("worker-1 ended with exit code 1"));
  ExpectExactRun(run_dir);
  EXPECT_TRUE(FinalWeights(run_dir) == FinalWeights(Calm()));
}

struct Interruption {
  std::string process;
  int signal;
  std::string ending;
};

class OneProcessTest : public InterruptionTest, public ::testing::WithParamInterface<Interruption> {};

TEST_P(OneProcessTest, JobGoesOnToTheSameWeights) {
  const Interruption& interruption = GetParam();
  const std::string run_dir = dir_->Join(absl::StrCat(interruption.process, "-", interruption.signal));
  TinyRun run(dir_->path(), run_dir);
  ASSERT_TRUE(run.AwaitStep("rlvr", 3)) << run.Program().Text();
  const pid_t process = run.ProcessOf(interruption.process);
  ASSERT_GT(process, 0);
  ASSERT_EQ(kill(process, interruption.signal), 0);
  const Finished finished = run.Program().Finish();
  EXPECT_EQ(finished.exit.code, 0) << finished.text;
  EXPECT_THAT(finished.text, HasSubstr(absl::StrCat(interruption.process, " ended with ", interruption.ending)));
  ExpectExactRun(run_dir);
  EXPECT_TRUE(FinalWeights(run_dir) == FinalWeights(Calm()));
}

INSTANTIATE_TEST_SUITE_P(All, OneProcessTest,
                         ::testing::Values(Interruption{"coordinator", SIGTERM, "exit code 0"},
                                           Interruption{"coordinator", SIGKILL, "signal 9"},
                                           Interruption{"learner-0", SIGTERM, "exit code 0"},
                                           Interruption{"learner-1", SIGKILL, "signal 9"},
                                           Interruption{"worker-1", SIGTERM, "exit code 0"}),
                         [](const auto& instance) {
                           std::string name = absl::StrCat(instance.param.process, "_", instance.param.signal);
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace cohort::tests
