// SPDX-License-Identifier: Apache-2.0
// Real processes that are killed or stopped at moments that a seed chooses: the job ends with every group trained once
// and with the weights of an undisturbed run, to the last bit. By environment:
//
//   COHORT_FAULT_SEEDS=200   so many seeds, from COHORT_FAULT_FIRST on, instead of 20 from 0 on
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/testing/seeded_random.h"
#include "common/testing/temp_dir.h"
#include "tests/end_to_end/real_binaries.h"
#include "tests/end_to_end/tiny_example.h"
#include "tests/end_to_end/tiny_run.h"

namespace cohort::tests {
namespace {

constexpr int kSteps = 4;
constexpr int kGroups = 3;
// The shortest that there is.
constexpr int kLeaseMilliseconds = 3000;
constexpr int kMaxRanks = 2;

constexpr char kJob[] = R"(model:
  path: model
rlvr:
  data:
    jsonl:
      path: data/problems.jsonl
    fields:
      prompt: prompt
      answer: answer
  reward:
    verifiers:
      - math_answer:
          answer_marker: ">"
  rollout:
    group_size: 2
    groups_per_step: $0
    max_attempts: 50
    sampling:
      temperature: 1
      max_completion_tokens: 8
optimizer:
  learning_rate: 1.0e-3
training:
  num_steps: $1
  world_size: $2
  seed: 5
checkpoint:
  every_steps: 2
)";

int NumberFrom(const char* variable, int otherwise) {
  const char* text = getenv(variable);
  return text == nullptr ? otherwise : atoi(text);
}

class RandomFaultsTest : public ::testing::TestWithParam<int> {
 protected:
  static void SetUpTestSuite() {
    dir_ = new common::TempDir;
    WriteTinyExample(dir_->path());
    for (int num_ranks = 1; num_ranks <= kMaxRanks; ++num_ranks) {
      WriteText(JobFile(num_ranks), absl::Substitute(kJob, kGroups, kSteps, num_ranks));
      const std::string run_dir = Calm(num_ranks);
      const Finished finished = RunProgram(Command(num_ranks, run_dir), run_dir + ".log");
      ASSERT_EQ(finished.exit.code, 0) << finished.text;
    }
  }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }

  static std::string JobFile(int num_ranks) { return dir_->Join(absl::StrCat("ranks-", num_ranks, "/rlvr.yaml")); }
  static std::string Calm(int num_ranks) { return dir_->Join(absl::StrCat("calm-", num_ranks)); }
  static std::vector<std::string> Command(int num_ranks, const std::string& run_dir) {
    return {Binary("cli/cohortctl"),
            "local",
            "-f",
            JobFile(num_ranks),
            "--run_dir",
            run_dir,
            "--data_root",
            dir_->path(),
            "--model_root",
            dir_->path(),
            "--ranks",
            absl::StrCat(num_ranks),
            "--lease_seconds",
            absl::StrCat(kLeaseMilliseconds / 1000.0)};
  }

  static common::TempDir* dir_;
};

common::TempDir* RandomFaultsTest::dir_ = nullptr;

// Waits; false when the program ends before.
bool Pass(absl::Duration duration, RunningProgram* program) {
  const absl::Time end = absl::Now() + duration;
  return WaitUntil([end] { return absl::Now() >= end; }, [program] { return program->HasEnded(); });
}

TEST_P(RandomFaultsTest, JobEndsWithTheWeightsOfAnUndisturbedRun) {
  common::SeededRandom random(GetParam());
  const int num_ranks = static_cast<int>(random.Between(1, kMaxRanks));
  const std::string run_dir = dir_->Join(absl::StrCat("seed-", GetParam()));
  RunningProgram program(Command(num_ranks, run_dir), run_dir + ".log");
  std::string faults;
  for (int64_t left = random.Between(1, 3); left > 0; --left) {
    const std::vector<std::string> names = {"coordinator", "worker-0", "worker-1", "learner-0",
                                            absl::StrCat("learner-", num_ranks - 1)};
    const std::string& name = names[random.Below(static_cast<int64_t>(names.size()))];
    const bool is_stop = random.Chance(300);
    const absl::Duration delay = absl::Milliseconds(random.Between(0, 3000));
    const absl::Duration stop = absl::Milliseconds(random.Between(100, 2 * kLeaseMilliseconds));
    absl::StrAppend(&faults, is_stop ? "stop " : "kill ", name, " after ", absl::FormatDuration(delay), "; ");
    if (!Pass(delay, &program)) break;
    const pid_t process = program.ChildWith(name == "coordinator" ? "--data_dir" : name);
    if (process <= 0) continue;  // it is just being started again
    kill(process, is_stop ? SIGSTOP : SIGKILL);
    if (!is_stop) continue;
    Pass(stop, &program);
    kill(process, SIGCONT);
  }
  const Finished finished = program.Finish();
  SCOPED_TRACE(absl::StrCat("seed ", GetParam(), ", ", num_ranks, " ranks: ", faults));
  ASSERT_EQ(finished.exit.code, 0) << finished.text;
  const Ledger ledger = ReadLedger(run_dir, "rlvr");
  EXPECT_EQ(ledger.num_trained, kSteps * kGroups);
  EXPECT_EQ(ledger.num_dropped, 0);
  EXPECT_EQ(ledger.num_open, 0);
  const std::set<int64_t> distinct(ledger.planned_groups.begin(), ledger.planned_groups.end());
  EXPECT_EQ(distinct.size(), static_cast<size_t>(kSteps * kGroups));
  EXPECT_EQ(ledger.planned_groups.size(), distinct.size());
  EXPECT_TRUE(FinalWeights(run_dir) == FinalWeights(Calm(num_ranks)));
  std::filesystem::remove_all(run_dir);
}

INSTANTIATE_TEST_SUITE_P(Seed, RandomFaultsTest,
                         ::testing::Range(NumberFrom("COHORT_FAULT_FIRST", 0),
                                          NumberFrom("COHORT_FAULT_FIRST", 0) + NumberFrom("COHORT_FAULT_SEEDS", 20)),
                         [](const auto& instance) { return absl::StrCat(instance.param); });

}  // namespace
}  // namespace cohort::tests
