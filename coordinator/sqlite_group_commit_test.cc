// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sqlite_group_commit.h"

#include <gmock/gmock.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/testing/seeded_random.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file_system.h"
#include "common/testing/status_matchers.h"
#include "coordinator/sqlite_database.h"
#include "coordinator/testing/simulated_sqlite_vfs.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::SimulatedFileSystem;
using common::StatusIs;
using ::testing::ElementsAre;

constexpr int kNumCallers = 8;

class SqliteGroupCommitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(files_->MakeFolders("/data"));
    Open();
    ASSERT_OK(database_->Execute("CREATE TABLE t (x INTEGER NOT NULL UNIQUE)"));
  }
  // What a test's fault refers to ends with the test, before the database is closed.
  void TearDown() override {
    files_->SetFault([](SimulatedFileSystem::Call, std::string_view) { return absl::OkStatus(); });
  }
  void Open() {
    vfs_ = std::make_unique<SimulatedSqliteVfs>(files_.get(), "group-commit");
    ASSERT_OK_AND_ASSIGN(database_, SqliteDatabase::Open("/data/t.sqlite", vfs_->name()));
    commits_ = std::make_unique<SqliteGroupCommit>(database_.get(), &mutex_);
  }
  // What the next process finds when the power goes now.
  void LosePower() {
    files_->Kill();
    commits_.reset();
    database_.reset();
    vfs_.reset();
    common::SeededRandom random(1);
    disk_.LosePower(&random);
    files_ = std::make_unique<SimulatedFileSystem>(&disk_);
    Open();
  }
  absl::Status Insert(int64_t x) {
    return commits_->Run([this, x]() -> absl::Status {
      auto insert = database_->Prepare("INSERT INTO t VALUES (?)");
      return insert.ok() ? insert->Bind(x).Run() : insert.status();
    });
  }
  // Callers whose changes, the given numbers, are in one transaction.
  std::vector<absl::Status> InsertTogether(const std::vector<int64_t>& numbers) {
    std::vector<absl::Status> results(numbers.size());
    std::vector<std::thread> callers;
    absl::Notification begun, go_on;
    std::thread first([&] {
      EXPECT_OK(commits_->Run([&] {
        begun.Notify();
        go_on.WaitForNotification();
        return absl::OkStatus();
      }));
    });
    begun.WaitForNotification();
    for (size_t i = 0; i < numbers.size(); ++i) {
      callers.emplace_back([&, i] { results[i] = Insert(numbers[i]); });
    }
    // The transaction of the first cannot end before.
    while (commits_->num_waiting() < static_cast<int64_t>(numbers.size())) std::this_thread::yield();
    go_on.Notify();
    first.join();
    for (std::thread& caller : callers) caller.join();
    return results;
  }
  std::vector<int64_t> Rows() {
    absl::MutexLock lock(&mutex_);
    std::vector<int64_t> rows;
    auto row = database_->Prepare("SELECT x FROM t ORDER BY x");
    EXPECT_OK(row);
    while (*row->Step()) rows.push_back(row->Int());
    return rows;
  }

  common::SimulatedDisk disk_;
  std::unique_ptr<SimulatedFileSystem> files_ = std::make_unique<SimulatedFileSystem>(&disk_);
  std::unique_ptr<SimulatedSqliteVfs> vfs_;
  absl::Mutex mutex_;
  std::unique_ptr<SqliteDatabase> database_;
  std::unique_ptr<SqliteGroupCommit> commits_;
};

TEST_F(SqliteGroupCommitTest, ChangesThatWaitShareOneTransactionAndOneSync) {
  std::atomic<int> num_syncs = 0;
  files_->SetFault([&num_syncs](SimulatedFileSystem::Call call, std::string_view) {
    if (call == SimulatedFileSystem::Call::kSync) ++num_syncs;
    return absl::OkStatus();
  });
  EXPECT_THAT(InsertTogether({1, 2, 3, 4}), ::testing::Each(absl::OkStatus()));
  EXPECT_EQ(num_syncs, 1) << "the first has changed nothing";
  EXPECT_EQ(commits_->num_commits(), 2);
  LosePower();
  EXPECT_THAT(Rows(), ElementsAre(1, 2, 3, 4));
}

TEST_F(SqliteGroupCommitTest, RefusedChangeDoesNotTouchTheOthersOfItsTransaction) {
  ASSERT_OK(Insert(2));
  const auto results = InsertTogether({1, 2, 3, 3});
  EXPECT_OK(results[0]);
  EXPECT_THAT(results[1], StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_NE(results[2].ok(), results[3].ok()) << "one of two that contradict each other";
  EXPECT_THAT(Rows(), ElementsAre(1, 2, 3));
}

TEST_F(SqliteGroupCommitTest, RefusedChangeAloneLeavesNothingAndIsNotACommit) {
  EXPECT_THAT(commits_->Run([this]() -> absl::Status {
    absl::Status status = database_->Execute("INSERT INTO t VALUES (7)");
    return status.ok() ? absl::NotFoundError("job") : status;
  }),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(commits_->num_commits(), 0);
  EXPECT_THAT(Rows(), ::testing::IsEmpty());
  EXPECT_OK(Insert(7));
}

TEST_F(SqliteGroupCommitTest, CommitThatFailsIsTheErrorOfAllOfItAndNothingIsThere) {
  ASSERT_OK(Insert(1));
  std::atomic<bool> fails = true;
  files_->SetFault([&fails](SimulatedFileSystem::Call call, std::string_view) {
    const bool is_hit = fails && call == SimulatedFileSystem::Call::kSync;
    return is_hit ? absl::InternalError("I/O error") : absl::OkStatus();
  });
  // The refusal of the second 1, too: nobody is told what a transaction found that was not committed.
  for (const absl::Status& result : InsertTogether({2, 3, 1})) {
    EXPECT_THAT(result, StatusIs(absl::StatusCode::kInternal));
  }
  EXPECT_THAT(Rows(), ElementsAre(1));
  fails = false;
  EXPECT_OK(Insert(3));
  EXPECT_THAT(Rows(), ElementsAre(1, 3));
}

TEST_F(SqliteGroupCommitTest, NobodyIsToldBeforeTheSyncOfTheOwnChange) {
  std::atomic<int64_t> num_acknowledged = 0, num_run = 0, num_synced = 0, num_early = 0;
  files_->SetFault([&](SimulatedFileSystem::Call call, std::string_view) {
    // All that have been run by now are in this sync or in an earlier one.
    if (call == SimulatedFileSystem::Call::kSync) num_synced = num_run.load();
    return absl::OkStatus();
  });
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kNumCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int64_t i = 0; i < 100; ++i) {
        int64_t number = 0;
        EXPECT_OK(commits_->Run([&]() -> absl::Status {
          number = ++num_run;
          return database_->Execute(absl::StrCat("INSERT INTO t VALUES (", caller * 1000 + i, ")"));
        }));
        if (num_synced < number) ++num_early;
        ++num_acknowledged;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(num_early, 0);
  EXPECT_EQ(num_acknowledged, kNumCallers * 100);
  LosePower();
  EXPECT_EQ(Rows().size(), kNumCallers * 100u) << "what was acknowledged is there";
}

TEST_F(SqliteGroupCommitTest, RefusedChangesAmongManyLeaveExactlyTheAcknowledgedOnes) {
  std::vector<std::thread> callers;
  std::atomic<int> num_good = 0;
  for (int caller = 0; caller < kNumCallers; ++caller) {
    // Every number is tried by each of them: it goes in once.
    callers.emplace_back([&] {
      for (int64_t x = 0; x < 100; ++x) {
        const absl::Status status = Insert(x);
        if (status.ok()) ++num_good;
        EXPECT_TRUE(status.ok() || absl::IsAlreadyExists(status)) << status;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(num_good, 100);
  EXPECT_EQ(Rows().size(), 100u);
}

}  // namespace
}  // namespace cohort::coordinator
