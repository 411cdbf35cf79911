// SPDX-License-Identifier: Apache-2.0
#include "learner/checkpoint/checkpoint_writer.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/status_matchers.h"
#include "learner/checkpoint/gang_folder.h"
#include "learner/checkpoint/manifest.h"
#include "learner/checkpoint/sealed_folder.h"

namespace cohort::learner {
namespace {

using common::SimulatedFileSystem;
using common::StatusIs;

constexpr char kParent[] = "/checkpoints";

// Seals a small checkpoint of one file.
std::function<absl::Status()> WriteOf(int64_t version, SimulatedFileSystem* files) {
  return [version, files] {
    const GangFolder folder = {.parent = kParent,
                               .policy_version = version,
                               .weight_digest = std::string(32, 'd'),
                               .incarnation = 1,
                               .place = {},
                               .files = files};
    return SealFolder(folder,
                      [files](const std::string& directory, std::vector<std::string>* names) {
                        names->push_back("weights");
                        return common::WriteFileAtomically(files, directory + "/weights", std::string(1000, 'w'));
                      })
        .status();
  };
}

std::vector<int64_t> ValidVersions(SimulatedFileSystem* files) {
  std::vector<int64_t> versions;
  for (const SealedFolder& folder : ListSealedFolders(kParent, files)) {
    EXPECT_OK(VerifyManifest(folder.path, files));
    versions.push_back(folder.policy_version);
  }
  return versions;
}

class CheckpointWriterTest : public ::testing::Test {
 protected:
  common::SimulatedDisk disk_;
  SimulatedFileSystem files_{&disk_};
  CheckpointWriter writer_;
};

TEST_F(CheckpointWriterTest, OwnerGoesOnWhileItWrites) {
  absl::Notification may_write;
  writer_.Start(1, [&] {
    may_write.WaitForNotification();
    return WriteOf(1, &files_)();
  });
  EXPECT_TRUE(writer_.IsBusy());
  EXPECT_EQ(writer_.sealed_version(), -1);
  may_write.Notify();
  EXPECT_OK(writer_.Finish());
  EXPECT_FALSE(writer_.IsBusy());
  EXPECT_EQ(writer_.sealed_version(), 1);
  EXPECT_EQ(ValidVersions(&files_), std::vector<int64_t>{1});
}

TEST_F(CheckpointWriterTest, NextWriteBeginsWhenTheOneBeforeHasEnded) {
  for (int64_t version : {1, 2, 3}) {
    writer_.Start(version, [this, version]() -> absl::Status {
      // Of those before none is under way.
      EXPECT_EQ(ValidVersions(&files_).size(), version - 1);
      return WriteOf(version, &files_)();
    });
  }
  EXPECT_OK(writer_.Finish());
  EXPECT_EQ(writer_.sealed_version(), 3);
  EXPECT_EQ(ValidVersions(&files_), (std::vector<int64_t>{3, 2, 1}));
}

TEST_F(CheckpointWriterTest, ErrorIsReportedAndTheWriteAfterItCountsAgain) {
  EXPECT_OK(writer_.Finish()) << "nothing was written";
  writer_.Start(1, WriteOf(1, &files_));
  disk_.SetCapacity(1500);
  writer_.Start(2, WriteOf(2, &files_));
  EXPECT_THAT(writer_.Finish(), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(writer_.Finish(), StatusIs(absl::StatusCode::kResourceExhausted)) << "until the next one";
  EXPECT_EQ(writer_.sealed_version(), 1);
  disk_.SetCapacity(1 << 20);
  writer_.Start(2, WriteOf(2, &files_));
  EXPECT_OK(writer_.Finish());
  EXPECT_EQ(writer_.sealed_version(), 2);
}

TEST_F(CheckpointWriterTest, DestructionWaitsForTheWrite) {
  absl::Notification may_write;
  auto writer = std::make_unique<CheckpointWriter>();
  writer->Start(1, [&] {
    may_write.WaitForNotification();
    return WriteOf(1, &files_)();
  });
  std::thread other([&may_write] { may_write.Notify(); });
  writer.reset();
  EXPECT_EQ(ValidVersions(&files_), std::vector<int64_t>{1});
  other.join();
}

TEST_F(CheckpointWriterTest, ProcessThatDiesAtAnyCallOfTheWriteLeavesTheOneBefore) {
  writer_.Start(1, WriteOf(1, &files_));
  ASSERT_OK(writer_.Finish());
  const int64_t num_calls = files_.num_calls();
  bool has_survived = false;
  for (int64_t call = 1; call <= num_calls + 1; ++call) {
    SimulatedFileSystem dying(&disk_);
    dying.DieAt(call, SimulatedFileSystem::Moment::kWithin);
    CheckpointWriter writer;
    writer.Start(2, WriteOf(2, &dying));
    has_survived = writer.Finish().ok();
    EXPECT_EQ(has_survived, writer.sealed_version() == 2);
    SimulatedFileSystem next(&disk_);
    EXPECT_EQ(ValidVersions(&next).back(), 1) << "call " << call;
  }
  EXPECT_TRUE(has_survived) << "the last call is one too many";
}

}  // namespace
}  // namespace cohort::learner
