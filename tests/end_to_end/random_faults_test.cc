// SPDX-License-Identifier: Apache-2.0
// Real processes that are killed or stopped at moments that a seed chooses: the job ends with every group trained once,
// or dropped once with its reason, and with the weights of an undisturbed run to the last bit; under max_lag, where the
// order of arrival decides, with those of a replay of the recorded plans and rollouts. By environment:
//
//   COHORT_FAULT_SEEDS=200   so many seeds, from COHORT_FAULT_FIRST on, instead of 20 from 0 on
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/testing/seeded_random.h"
#include "common/testing/temp_dir.h"
#include "learner/checkpoint/manifest.h"
#include "tests/end_to_end/real_binaries.h"
#include "tests/end_to_end/tiny_example.h"
#include "tests/end_to_end/tiny_run.h"

namespace cohort::tests {
namespace {

using ::testing::AnyOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kSteps = 4;
constexpr int kGroups = 3;
// The shortest that there is.
constexpr int kLeaseMilliseconds = 3000;
constexpr int kMaxRanks = 2;
constexpr int kMaxLag = 3;

int NumberFrom(const char* variable, int otherwise) {
  const char* text = getenv(variable);
  return text == nullptr ? otherwise : atoi(text);
}

const int kFirst = NumberFrom("COHORT_FAULT_FIRST", 0);
const int kCount = NumberFrom("COHORT_FAULT_SEEDS", 20);

class RandomFaultsTest : public ::testing::TestWithParam<int> {
 protected:
  static void SetUpTestSuite() {
    dir_ = new common::TempDir;
    WriteTinyExample(dir_->path());
    for (int num_ranks = 1; num_ranks <= kMaxRanks; ++num_ranks) {
      const Kind kind = {.num_ranks = num_ranks};
      WriteJob(kind);
      const std::string run_dir = Calm(num_ranks);
      const Finished finished = RunProgram(Command(kind, run_dir), run_dir + ".log");
      ASSERT_EQ(finished.exit.code, 0) << finished.text;
    }
    for (int lag = 0; lag <= kMaxLag; ++lag) WriteJob({.max_lag = lag});
    std::cout << "seeds " << kFirst << " to " << kFirst + kCount - 1 << std::endl;
  }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }

  // What is trained; a replay has one rank.
  struct Kind {
    int num_ranks = 1;
    int max_lag = -1;  // planned in order of arrival; -1: fixed_lag 0
  };
  static std::string JobFile(const Kind& kind) {
    return dir_->Join(absl::StrCat("ranks-", kind.num_ranks, "-lag-", kind.max_lag, "/rlvr.yaml"));
  }
  static void WriteJob(const Kind& kind) {
    const std::string schedule = kind.max_lag < 0 ? "fixed_lag: 0" : absl::StrCat("max_lag: ", kind.max_lag);
    WriteText(
        JobFile(kind),
        ShortRlvrJobText(
            {.groups_per_step = kGroups, .num_steps = kSteps, .world_size = kind.num_ranks, .schedule = schedule}));
  }
  static std::string Calm(int num_ranks) { return dir_->Join(absl::StrCat("calm-", num_ranks)); }
  static std::vector<std::string> Command(const Kind& kind, const std::string& run_dir) {
    return {Binary("cli/cohortctl"),
            "local",
            "-f",
            JobFile(kind),
            "--run_dir",
            run_dir,
            "--data_root",
            dir_->path(),
            "--model_root",
            dir_->path(),
            "--ranks",
            absl::StrCat(kind.num_ranks),
            "--lease_seconds",
            absl::StrCat(kLeaseMilliseconds / 1000.0)};
  }

  // Every group has one fate, and no plan has two of one group.
  static void ExpectCleanLedger(const Ledger& ledger, const Kind& kind) {
    EXPECT_EQ(ledger.num_trained, kSteps * kGroups);
    EXPECT_EQ(ledger.num_open, 0);
    const std::set<int64_t> distinct(ledger.planned_groups.begin(), ledger.planned_groups.end());
    EXPECT_EQ(distinct.size(), static_cast<size_t>(kSteps * kGroups));
    EXPECT_EQ(ledger.planned_groups.size(), distinct.size());
    EXPECT_LE(ledger.largest_lag, std::max(0, kind.max_lag));
    if (kind.max_lag < 0) {
      EXPECT_EQ(ledger.num_dropped, 0);
    }
    EXPECT_THAT(ledger.drop_reasons, Each(AnyOf(StartsWith("stale: "), StartsWith("surplus: "))));
  }
  // The final weights are those that the recorded plans and rollouts give.
  static void ExpectReplayed(const std::string& run_dir, const Ledger& ledger) {
    const Finished replay =
        RunProgram({Binary("learner/cohort-learner"), "replay", "--run", run_dir + "/checkpoints/default/rlvr"},
                   run_dir + ".replay");
    EXPECT_EQ(replay.exit.code, 0);
    const auto manifest = learner::VerifyManifest(ledger.checkpoint_path);
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    EXPECT_THAT(replay.text, HasSubstr(absl::StrCat("replayed from version 0, weights byte-equal to the record after ",
                                                    kSteps, " of ", kSteps, " steps, digest of version ", kSteps, ": ",
                                                    manifest->weight_digest, "\n")));
  }

  static common::TempDir* dir_;
};

common::TempDir* RandomFaultsTest::dir_ = nullptr;

// Waits; false when the program ends before.
bool Pass(absl::Duration duration, RunningProgram* program) {
  const absl::Time end = absl::Now() + duration;
  return WaitUntil([end] { return absl::Now() >= end; }, [program] { return program->HasEnded(); });
}

TEST_P(RandomFaultsTest, JobEndsWithTheWeightsThatItsScheduleGives) {
  common::SeededRandom random(GetParam());
  Kind kind = {.num_ranks = static_cast<int>(random.Between(1, kMaxRanks))};
  if (random.Chance(300)) kind = {.max_lag = static_cast<int>(random.Between(0, kMaxLag))};
  const std::string run_dir = dir_->Join(absl::StrCat("seed-", GetParam()));
  RunningProgram program(Command(kind, run_dir), run_dir + ".log");
  std::string faults;
  for (int64_t left = random.Between(1, 3); left > 0; --left) {
    const std::vector<std::string> names = {"coordinator", "worker-0", "worker-1", "learner-0",
                                            absl::StrCat("learner-", kind.num_ranks - 1)};
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
  SCOPED_TRACE(absl::StrCat("seed ", GetParam(), ", ", kind.num_ranks, " ranks, max_lag ", kind.max_lag, ": ", faults,
                            "\nalone: bazel test //tests/end_to_end:random_faults_test --test_env=COHORT_FAULT_FIRST=",
                            GetParam(), " --test_env=COHORT_FAULT_SEEDS=1"));
  ASSERT_EQ(finished.exit.code, 0) << finished.text;
  const Ledger ledger = ReadLedger(run_dir, "rlvr");
  ExpectCleanLedger(ledger, kind);
  if (kind.max_lag >= 0) {
    ExpectReplayed(run_dir, ledger);
  } else {
    EXPECT_TRUE(FinalWeights(run_dir) == FinalWeights(Calm(kind.num_ranks)));
  }
  std::filesystem::remove_all(run_dir);
}

INSTANTIATE_TEST_SUITE_P(Seed, RandomFaultsTest, ::testing::Range(kFirst, kFirst + kCount),
                         [](const auto& instance) { return absl::StrCat(instance.param); });

}  // namespace
}  // namespace cohort::tests
