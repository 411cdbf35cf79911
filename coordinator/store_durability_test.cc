// SPDX-License-Identifier: Apache-2.0
// The store and the rollout log on a disk that loses power, runs full and fails to sync.
#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/testing/seeded_random.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/status_matchers.h"
#include "coordinator/sqlite_job_store.h"
#include "coordinator/testing/simulated_sqlite_vfs.h"
#include "gtest/gtest.h"
#include "rollout_log/rollout_log.h"

namespace cohort::coordinator {
namespace {

using common::SimulatedDisk;
using common::SimulatedFileSystem;

constexpr int kNumSeeds = 40;

// A process with a store on a simulated disk, until it is killed.
class StoreProcess final {
 public:
  explicit StoreProcess(SimulatedDisk* disk) : files_(disk), vfs_(&files_, "store-durability") {
    EXPECT_OK(files_.MakeFolders("/data"));
    auto store = OpenSqliteJobStore("/data/jobs.sqlite", &files_, vfs_.name());
    EXPECT_OK(store);
    if (store.ok()) store_ = *std::move(store);
  }
  ~StoreProcess() { files_.Kill(); }

  absl::Status Create(const std::string& name) {
    JobRecord record;
    record.job.set_name(name);
    cohort::v1::JobEvent created;
    created.set_sequence(1);
    *created.mutable_state_changed() = record.job;
    return store_->CreateJob(record, created).status();
  }
  absl::Status Find(const std::string& name) { return store_->GetJob(name).status(); }
  SimulatedFileSystem& files() { return files_; }

 private:
  SimulatedFileSystem files_;
  SimulatedSqliteVfs vfs_;
  std::unique_ptr<JobStore> store_;
};

absl::Status FailSync(SimulatedFileSystem::Call call, std::string_view path) {
  const bool is_sync = call == SimulatedFileSystem::Call::kSync;
  return is_sync ? absl::InternalError(absl::StrCat(std::string(path), ": I/O error")) : absl::OkStatus();
}

TEST(StoreDurabilityTest, CommitAfterAFailedSyncAndARestartSurvivesPowerLoss) {
  for (uint64_t seed = 0; seed < kNumSeeds; ++seed) {
    SimulatedDisk disk;
    {
      StoreProcess first(&disk);
      ASSERT_OK(first.Create("jobs/a"));
      first.files().SetFault(FailSync);
      EXPECT_FALSE(first.Create("jobs/b").ok());
    }
    {
      StoreProcess second(&disk);
      ASSERT_OK(second.Create("jobs/c"));
    }
    common::SeededRandom random(seed);
    disk.LosePower(&random);
    StoreProcess third(&disk);
    EXPECT_OK(third.Find("jobs/a")) << seed;
    EXPECT_OK(third.Find("jobs/c")) << seed;
  }
}

// Whatever of a store's making was not made durable, the next process must not build on it.
TEST(StoreDurabilityTest, CommitInAStoreWhoseMakingMetAFailingDiskSurvivesPowerLoss) {
  constexpr int kMaxSyncs = 12;
  for (const bool fails_for_good : {false, true}) {
    for (int failing = 1; failing <= kMaxSyncs; ++failing) {
      SimulatedDisk disk;
      {
        SimulatedFileSystem files(&disk);
        SimulatedSqliteVfs vfs(&files, "store-durability");
        ASSERT_OK(files.MakeFolders("/data"));
        int num_syncs = 0;
        files.SetFault([&](SimulatedFileSystem::Call call, std::string_view path) -> absl::Status {
          if (call != SimulatedFileSystem::Call::kSync) return absl::OkStatus();
          ++num_syncs;
          const bool fails = num_syncs == failing || (fails_for_good && num_syncs > failing);
          return fails ? FailSync(call, path) : absl::OkStatus();
        });
        // It may do without.
        (void)OpenSqliteJobStore("/data/jobs.sqlite", &files, vfs.name());
        files.Kill();
      }
      {
        StoreProcess second(&disk);
        ASSERT_OK(second.Create("jobs/a"));
      }
      common::SeededRandom random(failing);
      disk.LosePower(&random);
      StoreProcess third(&disk);
      EXPECT_OK(third.Find("jobs/a")) << failing << " " << fails_for_good;
    }
  }
}

TEST(StoreDurabilityTest, FullDiskChangesNothingAndGoesOnWhenThereIsRoom) {
  for (uint64_t seed = 0; seed < kNumSeeds; ++seed) {
    SimulatedDisk disk;
    {
      StoreProcess first(&disk);
      ASSERT_OK(first.Create("jobs/a"));
      disk.SetCapacity(disk.UsedBytes() + static_cast<int64_t>(seed) * 100);
      EXPECT_EQ(first.Create("jobs/b").code(), absl::StatusCode::kResourceExhausted);
      EXPECT_EQ(first.Find("jobs/b").code(), absl::StatusCode::kNotFound);
      disk.SetCapacity(int64_t{1} << 30);
      ASSERT_OK(first.Create("jobs/c"));
    }
    common::SeededRandom random(seed);
    disk.LosePower(&random);
    StoreProcess second(&disk);
    EXPECT_OK(second.Find("jobs/a"));
    EXPECT_OK(second.Find("jobs/c"));
    EXPECT_EQ(second.Find("jobs/b").code(), absl::StatusCode::kNotFound);
  }
}

TEST(LogDurabilityTest, RecordsAfterAFailedSyncOrAFullDiskSurvivePowerLoss) {
  for (uint64_t seed = 0; seed < kNumSeeds; ++seed) {
    SimulatedDisk disk;
    SimulatedFileSystem files(&disk);
    auto log = rollout_log::RolloutLog::Open("/data/rollouts", {}, rollout_log::kDefaultMaxSegmentBytes, &files);
    ASSERT_OK(log);
    cohort::v1::RolloutGroup group;
    group.set_job("jobs/a");
    ASSERT_OK_AND_ASSIGN(const auto first, (*log)->Append(group));
    files.SetFault(FailSync);
    EXPECT_FALSE((*log)->Append(group).ok());
    files.SetFault([](SimulatedFileSystem::Call, std::string_view) { return absl::OkStatus(); });
    disk.SetCapacity(disk.UsedBytes() + 20);
    EXPECT_FALSE((*log)->Append(group).ok());
    disk.SetCapacity(int64_t{1} << 30);
    ASSERT_OK_AND_ASSIGN(const auto last, (*log)->Append(group));
    files.Kill();
    log->reset();
    common::SeededRandom random(seed);
    disk.LosePower(&random);
    SimulatedFileSystem next(&disk);
    const auto reopened =
        rollout_log::RolloutLog::Open("/data/rollouts", last, rollout_log::kDefaultMaxSegmentBytes, &next);
    ASSERT_OK(reopened);
    EXPECT_OK((*reopened)->Read(first)) << seed;
    EXPECT_OK((*reopened)->Read(last)) << seed;
  }
}

}  // namespace
}  // namespace cohort::coordinator
