// SPDX-License-Identifier: Apache-2.0
// steps.log over commits, crashes and starts of the coordinator.
#include "coordinator/step_recorder.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"
#include "rollout_log/recorded_run.h"

namespace cohort::coordinator {
namespace {

class StepRecorderTest : public BenchCoordinator {
 protected:
  void SetUp() override {
    BenchCoordinator::SetUp();
    ASSERT_OK(Create("sums", SmallRlvrSpec()));
    path_ = folder_.Join("runs/default/sums/steps.log");
    place_ = Join();
  }
  // One step, from `version` to the next; digests are 'a', 'b', ...
  void Train(int64_t version) {
    ASSERT_OK(Publish(place_, version, static_cast<char>('a' + version)));
    ASSERT_OK(Submit(Claim("worker", 8)));
    ASSERT_OK(Commit(place_, version + 1, static_cast<char>('b' + version)));
  }
  void StartAgain() {
    Restart();
    place_ = Join();
    ASSERT_EQ(place_.job(), NameOf("sums"));
  }
  std::string Bytes() const { return common::ReadFile(path_).value(); }

  std::string path_;
  cohort::v1::JoinGangResponse place_;
};

TEST_F(StepRecorderTest, EveryCommitAddsItsStep) {
  Train(0);
  Train(1);
  ASSERT_OK_AND_ASSIGN(const auto recorded, rollout_log::ReadRecordedRun(path_));
  EXPECT_EQ(recorded.run.job(), NameOf("sums"));
  ASSERT_EQ(recorded.steps.size(), 2u);
  EXPECT_EQ(recorded.steps[0].digest(), std::string(32, 'b'));
  EXPECT_EQ(recorded.steps[1].digest(), std::string(32, 'c'));
  EXPECT_EQ(recorded.steps[1].plan().groups_size(), 4);
  EXPECT_EQ(recorded.steps[1].groups_size(), 4);
}

TEST_F(StepRecorderTest, StepThatACrashKeptFromTheFileIsThereAfterTheStart) {
  Train(0);
  const std::string one = Bytes();
  Train(1);
  const std::string two = Bytes();
  for (const size_t size : {one.size(), one.size() + 5, two.size() - 1, size_t{3}}) {
    std::filesystem::resize_file(path_, size);
    Restart();
    EXPECT_EQ(Bytes(), two) << size;
  }
  std::filesystem::remove(path_);
  StartAgain();
  EXPECT_EQ(Bytes(), two);
  Train(2);
  EXPECT_EQ(rollout_log::ReadRecordedRun(path_)->steps.size(), 3u);
}

TEST_F(StepRecorderTest, WholeFileIsGoneOnWithAndNotMadeAnew) {
  Train(0);
  Train(1);
  std::filesystem::create_hard_link(path_, folder_.Join("same_file"));
  // The rows of steps that are in the file are not needed.
  fault_.row = absl::InternalError("disk I/O error");
  Restart();
  fault_.row = absl::OkStatus();
  place_ = Join();
  Train(2);
  EXPECT_EQ(rollout_log::ReadRecordedRun(path_)->steps.size(), 3u);
  EXPECT_EQ(common::ReadFile(folder_.Join("same_file")).value(), Bytes());
}

TEST_F(StepRecorderTest, FileOfAnotherRunIsReplaced) {
  Train(0);
  const std::string ours = Bytes();
  auto other = rollout_log::ReadRecordedRun(path_).value();
  other.steps[0].set_digest(std::string(32, 'z'));
  ASSERT_OK(rollout_log::WriteRecordedRun(path_, other));
  Restart();
  EXPECT_EQ(Bytes(), ours);
  other.steps.clear();
  other.run.set_model_path("/elsewhere");
  ASSERT_OK(rollout_log::WriteRecordedRun(path_, other));
  Restart();
  EXPECT_EQ(Bytes(), ours);
}

TEST_F(StepRecorderTest, StepsOfALineThatWasLeftAreReplacedThoughTheReplayComesBackToTheSameWeights) {
  Train(0);
  Train(1);
  StartAgain();
  ASSERT_OK(Publish(place_, 0, 'a'));
  ASSERT_OK(GetPlan(place_, 0));
  ASSERT_OK(Commit(place_, 1, 'x'));
  ASSERT_OK(Publish(place_, 1, 'x'));
  ASSERT_OK(GetPlan(place_, 1));
  ASSERT_OK(Commit(place_, 2, 'c'));
  for (int start = 0; start < 2; ++start) {
    ASSERT_OK_AND_ASSIGN(const auto recorded, rollout_log::ReadRecordedRun(path_));
    ASSERT_EQ(recorded.steps.size(), 2u);
    EXPECT_EQ(recorded.steps[0].digest(), std::string(32, 'x'));
    EXPECT_EQ(recorded.steps[1].digest(), std::string(32, 'c'));
    Restart();
  }
}

TEST_F(StepRecorderTest, StepsThatCouldNotBeWrittenAreAddedAtTheNextCommit) {
  Train(0);
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  Train(1);
  std::filesystem::remove(path_);
  Train(2);
  EXPECT_EQ(rollout_log::ReadRecordedRun(path_)->steps.size(), 3u);
}

}  // namespace
}  // namespace cohort::coordinator
