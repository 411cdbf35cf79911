// SPDX-License-Identifier: Apache-2.0
// The whole loop with worker and learner on one GPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/testing/temp_dir.h"
#include "tests/end_to_end/tiny_example.h"
#include "tests/end_to_end/tiny_run.h"

namespace cohort::tests {
namespace {

TEST(GpuSmokeTest, LoopTrainsOnOneGpu) {
  if (!std::filesystem::exists("/dev/nvidia0")) GTEST_SKIP() << "no GPU: there is no /dev/nvidia0";
  const common::TempDir dir;
  WriteTinyExample(dir.path(), /*world_size=*/1);
  const std::string run_dir = dir.Join("run");
  const Finished finished =
      TinyRun(dir.path(), run_dir, {"--device", "cuda:0", "--workers", "1", "--ranks", "1"}).Program().Finish();
  EXPECT_EQ(finished.exit.code, 0) << finished.text;
  const Ledger ledger = ReadLedger(run_dir, "rlvr");
  EXPECT_EQ(ledger.num_trained, kRlvrSteps * kGroupsPerStep);
  EXPECT_EQ(ledger.num_open, 0);
}

}  // namespace
}  // namespace cohort::tests
