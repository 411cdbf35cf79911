// SPDX-License-Identifier: Apache-2.0
// Random schedules, and the death of the coordinator at every single call that changes its disk. A schedule is a
// function of its seed. By environment:
//
//   COHORT_SIMULATION_SEED=17     that seed alone, with a trace on stderr
//   COHORT_SIMULATION_SEEDS=1e6   so many, from COHORT_SIMULATION_FIRST on, instead of 10,000 from 0 on
#include "coordinator/simulation/simulation.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <map>
#include <string>

#include "absl/strings/str_join.h"
#include "common/telemetry/log.h"
#include "common/testing/temp_dir.h"
#include "coordinator/rollout_schedule.h"
#include "coordinator/simulation/schedule.h"
#include "coordinator/testing/job_builder.h"

namespace cohort::coordinator {
namespace {

using Moment = common::SimulatedFileSystem::Moment;

constexpr int64_t kNumSeeds = 10000;
// The seeds are dealt out to so many tests, which may run at the same time.
constexpr int64_t kNumShares = 8;

int64_t NumberFrom(const char* variable, int64_t otherwise) {
  const char* text = getenv(variable);
  return text == nullptr ? otherwise : static_cast<int64_t>(strtod(text, nullptr));
}

class SimulationTest : public ::testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override { WriteSimulationData(data_.path()); }

  // The digest of the same job when nothing goes wrong, with one rank: their number changes nothing.
  const std::string& UndisturbedDigest(cohort::v1::JobSpec spec) {
    spec.mutable_training()->set_world_size(1);
    if (spec.has_rlvr()) spec.mutable_rlvr()->mutable_rollout()->set_max_attempts(100);
    std::string& digest = digests_[spec.SerializeAsString()];
    if (digest.empty()) {
      const SimulationResult result = RunSimulation(UndisturbedSchedule(spec), data_.path());
      EXPECT_EQ(absl::StrJoin(result.violations, "\n"), "") << "undisturbed";
      digest = result.final_digest;
    }
    return digest;
  }

  // Of a schedule; empty when all is well.
  std::string Violations(const Schedule& schedule) {
    SimulationResult result = RunSimulation(schedule, data_.path());
    const bool is_by_arrival = IsPlannedByArrival(schedule.spec.rlvr().rollout());
    // By arrival the plans are the record of what happened: CheckLedger has replayed them.
    const bool is_whole =
        result.job.state() == cohort::v1::JOB_STATE_SUCCEEDED && result.num_errored == 0 && !is_by_arrival;
    if (is_whole && result.final_digest != UndisturbedDigest(schedule.spec)) {
      result.violations.push_back("the final weights are not those of an undisturbed run");
    }
    num_starts_ += result.num_starts;
    num_dropped_ += result.num_dropped;
    num_refused_ += result.num_refused_submits;
    num_whole_ += is_whole;
    num_by_arrival_ += is_by_arrival && result.job.state() == cohort::v1::JOB_STATE_SUCCEEDED;
    return absl::StrJoin(result.violations, "\n");
  }

  common::TempDir data_;
  std::map<std::string, std::string> digests_;
  int64_t num_starts_ = 0;
  int64_t num_dropped_ = 0;
  int64_t num_refused_ = 0;
  int64_t num_whole_ = 0;
  int64_t num_by_arrival_ = 0;
};

// What the coordinator says about faults that are asked for is of interest for one seed, not for thousands.
class Quiet final {
 public:
  Quiet() : stderr_(dup(STDERR_FILENO)) {
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDERR_FILENO);
    close(nowhere);
  }
  ~Quiet() {
    dup2(stderr_, STDERR_FILENO);
    close(stderr_);
  }

 private:
  const int stderr_;
};

TEST_P(SimulationTest, RandomSchedulesEndWithACleanLedger) {
  const int64_t only = NumberFrom("COHORT_SIMULATION_SEED", -1);
  if (only >= 0) {
    ASSERT_TRUE(log::Configure("simulation", "debug").ok());
    if (only % kNumShares != GetParam()) return;
    EXPECT_EQ(Violations(RandomSchedule(only)), "") << "seed " << only;
    return;
  }
  const Quiet quiet;
  ASSERT_TRUE(log::Configure("simulation", "error").ok());
  const int64_t first = NumberFrom("COHORT_SIMULATION_FIRST", 0);
  const int64_t num_seeds = NumberFrom("COHORT_SIMULATION_SEEDS", kNumSeeds);
  int num_failures = 0;
  for (int64_t seed = first + GetParam(); seed < first + num_seeds && num_failures < 5; seed += kNumShares) {
    const std::string violations = Violations(RandomSchedule(seed));
    if (violations.empty()) continue;
    ++num_failures;
    ADD_FAILURE() << "seed " << seed << ":\n"
                  << violations << "\nalone, with a trace:\n  COHORT_SIMULATION_SEED=" << seed
                  << " bazel run //coordinator/simulation:simulation_test";
  }
  printf(
      "%ld starts of the coordinator, %ld submits refused, %ld groups dropped, %ld runs with the weights of an "
      "undisturbed one, %ld by arrival with those of their plans\n",
      num_starts_, num_refused_, num_dropped_, num_whole_, num_by_arrival_);
}

INSTANTIATE_TEST_SUITE_P(Share, SimulationTest, ::testing::Range<int64_t>(0, kNumShares));

// Every call that changes the disk of the first coordinator process, each of three moments: before it, within it,
// after.
class DeathAtEveryCallTest : public SimulationTest {};

TEST_P(DeathAtEveryCallTest, EndsWithACleanLedger) {
  const Quiet quiet;
  ASSERT_TRUE(log::Configure("simulation", "error").ok());
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_training()->set_num_steps(2);
  spec.mutable_rlvr()->mutable_rollout()->set_groups_per_step(2);
  spec.mutable_checkpoint()->set_every_steps(1);
  for (const bool is_by_arrival : {false, true}) {
    if (is_by_arrival) spec.mutable_rlvr()->mutable_rollout()->set_max_lag(1);
    Schedule schedule = UndisturbedSchedule(spec);
    schedule.seed = is_by_arrival ? 1 : 0;
    const int64_t num_calls = RunSimulation(schedule, data_.path()).num_first_disk_calls;
    ASSERT_GT(num_calls, 100);
    for (int64_t call = 1 + GetParam(); call <= num_calls; call += kNumShares) {
      for (const Moment moment : {Moment::kBefore, Moment::kWithin, Moment::kAfter}) {
        schedule.death_call = call;
        schedule.death_moment = moment;
        EXPECT_EQ(Violations(schedule), "")
            << "call " << call << " moment " << static_cast<int>(moment) << (is_by_arrival ? " by arrival" : "");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Share, DeathAtEveryCallTest, ::testing::Range<int64_t>(0, kNumShares));

}  // namespace
}  // namespace cohort::coordinator
