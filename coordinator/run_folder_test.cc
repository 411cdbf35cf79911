// SPDX-License-Identifier: Apache-2.0
#include "coordinator/run_folder.h"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "common/file_system.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/tensorboard_events.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

cohort::v1::JobEvent StepEvent(int64_t version) {
  cohort::v1::JobEvent event;
  event.mutable_time()->set_seconds(1767225600);
  event.mutable_step()->set_policy_version(version);
  (*event.mutable_step()->mutable_metrics())["reward_mean"] = 0.5;
  return event;
}

TEST(RunFolderTest, LinesAreJsonObjectsOfStepsAndEvaluations) {
  const auto step = nlohmann::json::parse(MetricsLine(StepEvent(3)));
  EXPECT_EQ(step["kind"], "step");
  EXPECT_EQ(step["policy_version"], 3);
  EXPECT_EQ(step["reward_mean"], 0.5);
  EXPECT_EQ(step["time"], "2026-01-01T00:00:00Z");
  cohort::v1::JobEvent event;
  event.mutable_evaluation()->mutable_result()->set_run("greedy");
  event.mutable_evaluation()->mutable_result()->set_accuracy(0.75);
  const auto evaluation = nlohmann::json::parse(MetricsLine(event));
  EXPECT_EQ(evaluation["kind"], "evaluation");
  EXPECT_EQ(evaluation["run"], "greedy");
  EXPECT_EQ(evaluation["accuracy"], 0.75);
  event.set_notice("only for people");
  EXPECT_EQ(MetricsLine(event), "");
}

TEST(RunFolderTest, RestoreMakesTheFileEqualToTheEventsAndAppendGoesOn) {
  common::TempDir root;
  RunFolder folder(common::RealFileSystem(), root.path(), "namespaces/team/jobs/sums");
  EXPECT_EQ(folder.path(), root.Join("team/sums"));
  ASSERT_OK(folder.Restore({}));
  EXPECT_TRUE(std::filesystem::is_directory(folder.CheckpointDirectory()));
  ASSERT_OK(folder.Append({StepEvent(1), StepEvent(2)}));
  const std::string both = MetricsLine(StepEvent(1)) + "\n" + MetricsLine(StepEvent(2)) + "\n";
  EXPECT_THAT(common::ReadFile(folder.path() + "/metrics.jsonl"), common::IsOkAndHolds(both));
  ASSERT_OK(folder.Restore({StepEvent(1)})) << "a line whose event was not stored goes away";
  ASSERT_OK(folder.Append({StepEvent(2)}));
  EXPECT_THAT(common::ReadFile(folder.path() + "/metrics.jsonl"), common::IsOkAndHolds(both));
}

// What TensorBoard is shown of the steps of these versions.
std::string Frames(const std::vector<int64_t>& versions) {
  std::vector<cohort::v1::JobEvent> events;
  for (const int64_t version : versions) events.push_back(StepEvent(version));
  return TensorBoardHeader(events) + TensorBoardFrames(events);
}

TEST(RunFolderTest, EventsFileOfTensorBoardHasEveryStepOnce) {
  common::TempDir root;
  RunFolder folder(common::RealFileSystem(), root.path(), "namespaces/team/jobs/sums");
  const std::string path = root.Join("team/sums/tensorboard/events.out.tfevents.cohort");
  ASSERT_OK(folder.Restore({}));
  EXPECT_FALSE(std::filesystem::exists(path)) << "nothing to show yet";
  ASSERT_OK(folder.Append({StepEvent(1)}));
  ASSERT_OK(folder.Append({StepEvent(2)}));
  EXPECT_THAT(common::ReadFile(path), common::IsOkAndHolds(Frames({1, 2})));
  // As after a crash: in the middle of a frame, before it, and after one whose event was not stored.
  for (const std::string& left : {Frames({1, 2}).substr(0, Frames({1, 2}).size() - 7), Frames({1}), Frames({1, 2, 3}),
                                  std::string("something else"), std::string()}) {
    ASSERT_OK(common::WriteFileAtomically(path, left));
    ASSERT_OK(folder.Restore({StepEvent(1), StepEvent(2)}));
    EXPECT_THAT(common::ReadFile(path), common::IsOkAndHolds(Frames({1, 2})));
  }
}

TEST(RunFolderTest, EventsFileOfAFormerJobIsNotGoneOnWith) {
  common::TempDir root;
  RunFolder folder(common::RealFileSystem(), root.path(), "namespaces/team/jobs/sums");
  ASSERT_OK(folder.Make());
  ASSERT_OK(folder.Append({StepEvent(1), StepEvent(2)}));
  ASSERT_OK(folder.Make());
  EXPECT_TRUE(folder.HasLines());
  ASSERT_OK(folder.Restore({})) << "what a new job does whose folder has lines";
  ASSERT_OK(folder.Append({StepEvent(1)}));
  EXPECT_THAT(common::ReadFile(root.Join("team/sums/tensorboard/events.out.tfevents.cohort")),
              common::IsOkAndHolds(Frames({1})));
}

TEST(RunFolderTest, FolderOfANewJobIsMadeAndDiscardedWhole) {
  common::TempDir root;
  RunFolder folder(common::RealFileSystem(), root.path(), "namespaces/team/jobs/sums");
  ASSERT_OK(common::WriteFileAtomically(root.Join("other"), "stays"));
  ASSERT_OK(folder.Make());
  EXPECT_TRUE(std::filesystem::is_directory(folder.CheckpointDirectory()));
  EXPECT_THAT(common::ReadFile(folder.path() + "/metrics.jsonl"), common::IsOkAndHolds(""));
  ASSERT_OK(folder.Sync());
  folder.Discard();
  EXPECT_FALSE(std::filesystem::exists(root.Join("team")));
  EXPECT_TRUE(std::filesystem::exists(root.Join("other")));
  ASSERT_OK(folder.Sync()) << "makes what is not there";
  EXPECT_TRUE(std::filesystem::is_directory(folder.CheckpointDirectory()));
}

TEST(RunFolderTest, LinesOfAFormerJobStayWhenTheNewOneDoesNotComeToBe) {
  common::TempDir root;
  RunFolder former(common::RealFileSystem(), root.path(), "namespaces/team/jobs/sums");
  ASSERT_OK(former.Restore({StepEvent(1)}));
  RunFolder folder(common::RealFileSystem(), root.path(), "namespaces/team/jobs/sums");
  ASSERT_OK(folder.Make());
  EXPECT_TRUE(folder.HasLines());
  folder.Discard();
  EXPECT_THAT(common::ReadFile(folder.path() + "/metrics.jsonl"),
              common::IsOkAndHolds(MetricsLine(StepEvent(1)) + "\n"));
  ASSERT_OK(folder.Remove());
  EXPECT_FALSE(folder.HasLines());
}

// Two jobs of one namespace, of which one is never stored: its folder goes, and the other's is made all the same.
TEST(RunFolderTest, FolderIsMadeWhileThoseOfOtherJobsOfItsNamespaceGo) {
  common::TempDir root;
  std::atomic<bool> is_done = false;
  std::thread refused([&] {
    RunFolder folder(common::RealFileSystem(), root.path(), "namespaces/team/jobs/refused");
    while (!is_done) {
      EXPECT_OK(folder.Make());
      folder.Discard();
    }
  });
  RunFolder folder(common::RealFileSystem(), root.path(), "namespaces/team/jobs/sums");
  for (int i = 0; i < 300; ++i) {
    ASSERT_OK(folder.Make());
    EXPECT_TRUE(std::filesystem::is_directory(folder.CheckpointDirectory()));
    folder.Discard();
  }
  is_done = true;
  refused.join();
}

}  // namespace
}  // namespace cohort::coordinator
