// SPDX-License-Identifier: Apache-2.0
// What only the durable store promises; the rest is in job_store_contract_test.cc.
#include "coordinator/sqlite_job_store.h"

#include <gmock/gmock.h>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/sqlite_database.h"
#include "coordinator/sqlite_deletion.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;

class SqliteJobStoreTest : public ::testing::Test {
 protected:
  common::TempDir folder_;
  const std::string path_ = folder_.Join("jobs.sqlite");
};

TEST_F(SqliteJobStoreTest, StateSurvivesReopening) {
  {
    ASSERT_OK_AND_ASSIGN(const auto store, OpenSqliteJobStore(path_));
    ASSERT_OK(store->BeginEpoch());
    JobRecord record;
    record.job.set_name("namespaces/default/jobs/a");
    cohort::v1::JobEvent event;
    event.set_sequence(1);
    record.data_digest = std::string(64, 'd');
    ASSERT_OK(store->CreateJob(record, event));
  }
  ASSERT_OK_AND_ASSIGN(const auto store, OpenSqliteJobStore(path_));
  EXPECT_EQ(store->GetJob("namespaces/default/jobs/a")->data_digest, std::string(64, 'd'));
  EXPECT_THAT(store->BeginEpoch(), common::IsOkAndHolds(2));
}

TEST_F(SqliteJobStoreTest, SecondCoordinatorOnOneFileIsRefused) {
  ASSERT_OK_AND_ASSIGN(const auto store, OpenSqliteJobStore(path_));
  EXPECT_THAT(OpenSqliteJobStore(path_), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("jobs.sqlite")));
}

TEST_F(SqliteJobStoreTest, DeletionThatACrashCutOffIsFinishedAtTheNextStart) {
  constexpr char kJob[] = "namespaces/default/jobs/a";
  JobRecord record;
  record.job.set_name(kJob);
  cohort::v1::JobEvent event;
  event.set_sequence(1);
  {
    ASSERT_OK_AND_ASSIGN(const auto store, OpenSqliteJobStore(path_));
    ASSERT_OK(store->CreateJob(record, event));
    JobChange change;
    for (int64_t id = 0; id < 5000; ++id) change.groups.emplace_back().group_id = id;
    ASSERT_OK(store->Apply(kJob, change));
  }
  {
    ASSERT_OK_AND_ASSIGN(const auto database, SqliteDatabase::Open(path_));
    ASSERT_OK(MarkJobDeleted(database.get(), kJob));
    EXPECT_THAT(DeleteSomeRows(database.get(), kJob), common::IsOkAndHolds(true));
  }
  ASSERT_OK_AND_ASSIGN(const auto store, OpenSqliteJobStore(path_));
  EXPECT_THAT(store->GetJob(kJob), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(store->CreateJob(record, event));
  EXPECT_THAT(*store->ListGroups(kJob, {.limit = 10}), ::testing::IsEmpty());
}

TEST_F(SqliteJobStoreTest, FileThatIsNoDatabaseIsDataLoss) {
  ASSERT_OK(common::WriteFileAtomically(path_, std::string(4096, 'x')));
  EXPECT_THAT(OpenSqliteJobStore(path_), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("jobs.sqlite")));
}

TEST_F(SqliteJobStoreTest, JournalIsWriteAheadAndSynchronousFull) {
  ASSERT_OK_AND_ASSIGN(const auto database, SqliteDatabase::Open(path_));
  ASSERT_OK_AND_ASSIGN(auto journal, database->Prepare("PRAGMA journal_mode"));
  ASSERT_THAT(journal.Step(), common::IsOkAndHolds(true));
  EXPECT_EQ(journal.Bytes(), "wal");
  ASSERT_OK_AND_ASSIGN(auto synchronous, database->Prepare("PRAGMA synchronous"));
  ASSERT_THAT(synchronous.Step(), common::IsOkAndHolds(true));
  EXPECT_EQ(synchronous.Int(), 2);
}

TEST_F(SqliteJobStoreTest, UncommittedTransactionIsRolledBack) {
  ASSERT_OK_AND_ASSIGN(const auto database, SqliteDatabase::Open(path_));
  ASSERT_OK(database->Execute("CREATE TABLE t (x INTEGER)"));
  {
    ASSERT_OK_AND_ASSIGN(auto transaction, SqliteTransaction::Begin(database.get()));
    ASSERT_OK(database->Execute("INSERT INTO t VALUES (1)"));
  }
  ASSERT_OK_AND_ASSIGN(auto rows, database->Prepare("SELECT x FROM t"));
  EXPECT_THAT(rows.Step(), common::IsOkAndHolds(false));
}

}  // namespace
}  // namespace cohort::coordinator
