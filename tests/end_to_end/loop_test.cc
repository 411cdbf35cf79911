// SPDX-License-Identifier: Apache-2.0
// The whole loop on real processes: two rollout workers, two learner ranks, an SFT job and an RLVR job that starts from
// its checkpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>

#include <filesystem>

#include "common/testing/temp_dir.h"
#include "tests/end_to_end/tiny_example.h"
#include "tests/end_to_end/tiny_run.h"

namespace cohort::tests {
namespace {

using ::testing::HasSubstr;

// Kills worker-0 and freezes worker-1 until a lease has run out: with nobody to sample, what either of them had
// claimed, or claims are answered with after the freeze, is lost and must be sampled again.
bool KillAndLoseALease(TinyRun& run) {
  const auto expired = [&] { return run.CoordinatorMetric("cohort_coordinator_leases_expired_total"); };
  const pid_t killed = run.ProcessOf("worker-0"), frozen = run.ProcessOf("worker-1");
  if (killed <= 0 || frozen <= 0 || kill(frozen, SIGSTOP) != 0 || kill(killed, SIGKILL) != 0) return false;
  const bool has_expired = WaitUntil([&] { return expired() > 0; }, [&] { return run.Program().HasEnded(); });
  return kill(frozen, SIGCONT) == 0 && has_expired;
}

TEST(LoopTest, KilledWorkerCostsItsLeaseAndNothingElse) {
  const common::TempDir dir;
  WriteTinyExample(dir.path());
  const std::string disturbed = dir.Join("disturbed");
  {
    TinyRun run(dir.path(), disturbed);
    ASSERT_TRUE(run.AwaitStep("rlvr", 2)) << run.Program().Text();
    ASSERT_TRUE(KillAndLoseALease(run)) << run.Program().Text();
    const Finished finished = run.Program().Finish();
    EXPECT_EQ(finished.exit.code, 0) << finished.text;
    EXPECT_THAT(finished.text, HasSubstr("worker-0 ended with signal 9"));
    EXPECT_THAT(finished.text, HasSubstr("final checkpoint"));
  }
  ExpectExactRun(disturbed);
  EXPECT_GE(ReadLedger(disturbed, "rlvr").num_retried, 1);

  // One worker, left in peace, gives the same weights to the last bit.
  const std::string calm = dir.Join("calm");
  const Finished finished = TinyRun(dir.path(), calm, {"--workers", "1"}).Program().Finish();
  EXPECT_EQ(finished.exit.code, 0) << finished.text;
  ExpectExactRun(calm);
  EXPECT_TRUE(FinalWeights(disturbed) == FinalWeights(calm));
}

}  // namespace
}  // namespace cohort::tests
