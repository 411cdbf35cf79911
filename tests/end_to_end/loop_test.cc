// SPDX-License-Identifier: Apache-2.0
// The whole loop on real processes: two rollout workers, two learner ranks, an SFT job and an RLVR job that starts from
// its checkpoint.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "common/testing/temp_dir.h"
#include "tests/end_to_end/tiny_example.h"
#include "tests/end_to_end/tiny_run.h"

namespace cohort::tests {
namespace {

using ::testing::HasSubstr;

TEST(LoopTest, KilledWorkerCostsItsLeaseAndNothingElse) {
  const common::TempDir dir;
  WriteTinyExample(dir.path());
  const std::string disturbed = dir.Join("disturbed");
  {
    TinyRun run(dir.path(), disturbed);
    ASSERT_TRUE(run.AwaitStep("rlvr", 3)) << run.Program().Text();
    const pid_t worker = run.ProcessOf("worker-0");
    ASSERT_GT(worker, 0);
    ASSERT_EQ(kill(worker, SIGKILL), 0);
    const Finished finished = run.Program().Finish();
    EXPECT_EQ(finished.exit.code, 0) << finished.text;
    EXPECT_THAT(finished.text, HasSubstr("worker-0 ended with signal 9"));
    EXPECT_THAT(finished.text, HasSubstr("final checkpoint"));
  }
  ExpectExactRun(disturbed);

  // One worker, left in peace, gives the same weights to the last bit.
  const std::string calm = dir.Join("calm");
  const Finished finished = TinyRun(dir.path(), calm, {"--workers", "1"}).Program().Finish();
  EXPECT_EQ(finished.exit.code, 0) << finished.text;
  ExpectExactRun(calm);
  EXPECT_TRUE(FinalWeights(disturbed) == FinalWeights(calm));
}

}  // namespace
}  // namespace cohort::tests
