// SPDX-License-Identifier: Apache-2.0
#include "rollout_log/recorded_run.h"

#include <gtest/gtest.h>

#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "rollout_log/rollout_reader.h"

namespace cohort::rollout_log {
namespace {

using ::testing::HasSubstr;

cohort::v1::RecordedStep Step(int64_t version, const RecordLocation& location = {}) {
  cohort::v1::RecordedStep step;
  step.mutable_plan()->set_version(version);
  step.mutable_plan()->add_groups()->set_group_id(version * 10);
  *step.add_groups() = ToProto(location);
  step.set_digest(std::string(32, 'd'));
  return step;
}

class RecordedRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = dir_.Join(kRecordedRunFile);
    RecordedRunContents contents;
    contents.run.set_job("namespaces/default/jobs/j");
    contents.steps.push_back(Step(0));
    ASSERT_OK(WriteRecordedRun(path_, contents));
  }

  common::TempDir dir_;
  std::string path_;
};

TEST_F(RecordedRunTest, AppendedStepsAreReadBackInOrder) {
  ASSERT_OK(AppendRecordedStep(path_, Step(1)));
  ASSERT_OK_AND_ASSIGN(const RecordedRunContents read, ReadRecordedRun(path_));
  EXPECT_EQ(read.run.job(), "namespaces/default/jobs/j");
  ASSERT_EQ(read.steps.size(), 2);
  EXPECT_EQ(read.steps[1].plan().groups(0).group_id(), 10);
}

TEST_F(RecordedRunTest, StepCutOffByACrashIsLeftOut) {
  ASSERT_OK(AppendRecordedStep(path_, Step(1)));
  ASSERT_OK_AND_ASSIGN(std::string bytes, common::ReadFile(path_));
  bytes.resize(bytes.size() - 3);
  ASSERT_OK(common::WriteFileAtomically(path_, bytes));
  ASSERT_OK_AND_ASSIGN(const RecordedRunContents read, ReadRecordedRun(path_));
  EXPECT_EQ(read.steps.size(), 1);
}

TEST_F(RecordedRunTest, RepairCutsATornStepSoThatTheNextCanBeAppended) {
  ASSERT_OK(AppendRecordedStep(path_, Step(1)));
  ASSERT_OK_AND_ASSIGN(const std::string whole, common::ReadFile(path_));
  for (size_t size = whole.size() - 1; size > 0; --size) {
    ASSERT_OK(common::WriteFileAtomically(path_, whole.substr(0, size)));
    const auto end = RepairRecordedRun(path_);
    if (!end.ok()) {
      EXPECT_THAT(end, common::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the run is missing"))) << size;
      continue;
    }
    EXPECT_EQ(end->run.job(), "namespaces/default/jobs/j");
    ASSERT_LT(end->num_steps, 2);
    EXPECT_EQ(end->last_digest, end->num_steps == 0 ? "" : std::string(32, 'd'));
    ASSERT_OK(AppendRecordedStep(path_, Step(end->num_steps)));
    ASSERT_OK_AND_ASSIGN(const RecordedRunContents read, ReadRecordedRun(path_));
    EXPECT_EQ(static_cast<int64_t>(read.steps.size()), end->num_steps + 1) << size;
  }
}

TEST_F(RecordedRunTest, RepairLeavesAWholeFileAlone) {
  ASSERT_OK(AppendRecordedStep(path_, Step(1)));
  ASSERT_OK_AND_ASSIGN(const std::string whole, common::ReadFile(path_));
  ASSERT_OK_AND_ASSIGN(const RecordedRunEnd end, RepairRecordedRun(path_));
  EXPECT_EQ(end.num_steps, 2);
  EXPECT_EQ(common::ReadFile(path_).value(), whole);
  EXPECT_THAT(RepairRecordedRun(dir_.Join("nothing")), common::StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RecordedRunTest, RepairTouchesNothingWhenMoreIsWrong) {
  ASSERT_OK(AppendRecordedStep(path_, Step(1)));
  ASSERT_OK_AND_ASSIGN(const std::string whole, common::ReadFile(path_));
  std::string bytes = whole;
  bytes.back() ^= 1;
  ASSERT_OK(common::WriteFileAtomically(path_, bytes));
  EXPECT_THAT(RepairRecordedRun(path_), common::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("wrong checksum")));
  EXPECT_EQ(common::ReadFile(path_).value(), bytes);
  // What a power loss leaves of pages that were not written.
  bytes = whole + std::string(100, '\0');
  ASSERT_OK(common::WriteFileAtomically(path_, bytes));
  EXPECT_THAT(RepairRecordedRun(path_), common::StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_OK(common::WriteFileAtomically(path_, whole));
  ASSERT_OK(AppendRecordedStep(path_, Step(3)));
  EXPECT_THAT(RepairRecordedRun(path_),
              common::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("step 3 instead of 2")));
}

TEST_F(RecordedRunTest, FlippedBitIsNamed) {
  ASSERT_OK(AppendRecordedStep(path_, Step(1)));
  ASSERT_OK_AND_ASSIGN(std::string bytes, common::ReadFile(path_));
  bytes[bytes.size() - 40] ^= 1;
  ASSERT_OK(common::WriteFileAtomically(path_, bytes));
  EXPECT_THAT(ReadRecordedRun(path_), common::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("wrong checksum")));
}

TEST_F(RecordedRunTest, MissingStepIsNamed) {
  ASSERT_OK(AppendRecordedStep(path_, Step(2)));
  EXPECT_THAT(ReadRecordedRun(path_), common::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("step 2 instead of 1")));
}

TEST_F(RecordedRunTest, FileWithoutARunIsRefused) {
  ASSERT_OK(common::WriteFileAtomically(path_, ""));
  EXPECT_THAT(ReadRecordedRun(path_), common::StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the run is missing")));
}

TEST_F(RecordedRunTest, GroupsAreReadFromALogThatSomebodyElseHolds) {
  ASSERT_OK_AND_ASSIGN(const auto log, RolloutLog::Open(dir_.Join("rollouts"), {}));
  cohort::v1::RolloutGroup group;
  group.set_group_id(42);
  ASSERT_OK_AND_ASSIGN(const RecordLocation location, log->Append(group));
  const RecordLocation copy = FromProto(ToProto(location));
  ASSERT_OK_AND_ASSIGN(const cohort::v1::RolloutGroup read, ReadRollouts(dir_.Join("rollouts"), copy));
  EXPECT_EQ(read.group_id(), 42);
  RecordLocation wrong = location;
  wrong.crc ^= 1;
  EXPECT_THAT(ReadRollouts(dir_.Join("rollouts"), wrong), common::StatusIs(absl::StatusCode::kDataLoss));
  wrong = location;
  wrong.length_bytes += 1000;
  EXPECT_THAT(ReadRollouts(dir_.Join("rollouts"), wrong), common::StatusIs(absl::StatusCode::kDataLoss));
  wrong = location;
  wrong.segment = 7;
  EXPECT_THAT(ReadRollouts(dir_.Join("rollouts"), wrong), common::StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace cohort::rollout_log
