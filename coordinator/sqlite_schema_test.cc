// SPDX-License-Identifier: Apache-2.0
// Stores that another version of the program wrote.
#include "coordinator/sqlite_schema.h"

#include <gmock/gmock.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/sqlite_database.h"
#include "coordinator/sqlite_job_store.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::IsOkAndHolds;
using common::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What schema version 2 executed, word for word.
constexpr char kSchemaVersion2[] = R"(
CREATE TABLE store (schema_version INTEGER NOT NULL, epoch INTEGER NOT NULL);
CREATE TABLE jobs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, job BLOB NOT NULL,
  request_id TEXT, request_digest BLOB NOT NULL, model_path TEXT NOT NULL, incarnation INTEGER NOT NULL,
  data_digest BLOB NOT NULL DEFAULT x'');
CREATE UNIQUE INDEX jobs_by_request ON jobs (request_id) WHERE request_id <> '';
CREATE TABLE groups (
  job TEXT NOT NULL, group_id INTEGER NOT NULL, purpose INTEGER NOT NULL, evaluation_run TEXT NOT NULL,
  problem_id INTEGER NOT NULL, epoch INTEGER NOT NULL, step INTEGER NOT NULL, policy_version INTEGER NOT NULL,
  state INTEGER NOT NULL, attempt INTEGER NOT NULL, failed_attempts INTEGER NOT NULL, drop_reason TEXT NOT NULL,
  scored_epoch INTEGER NOT NULL, scored_attempt INTEGER NOT NULL, segment INTEGER NOT NULL,
  offset_bytes INTEGER NOT NULL, length_bytes INTEGER NOT NULL, crc INTEGER NOT NULL, planned BLOB NOT NULL,
  num_truncated INTEGER NOT NULL, generation_begin REAL NOT NULL, generation_end REAL NOT NULL,
  PRIMARY KEY (job, group_id)) WITHOUT ROWID;
CREATE INDEX open_groups ON groups (job, group_id) WHERE state < 5;
CREATE INDEX training_groups ON groups (job, step, group_id) WHERE purpose = 1;
CREATE INDEX groups_by_location ON groups (segment, offset_bytes) WHERE length_bytes > 0;
CREATE TABLE plans (
  job TEXT NOT NULL, version INTEGER NOT NULL, plan BLOB NOT NULL, PRIMARY KEY (job, version)) WITHOUT ROWID;
CREATE TABLE versions (
  job TEXT NOT NULL, version INTEGER NOT NULL, digest BLOB NOT NULL, checkpoint_path TEXT NOT NULL,
  PRIMARY KEY (job, version)) WITHOUT ROWID;
CREATE TABLE events (
  job TEXT NOT NULL, sequence INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (job, sequence)) WITHOUT ROWID;
INSERT INTO store VALUES (2, 6);
)";

// What schema version 3 executed, word for word but for IF NOT EXISTS.
constexpr char kSchemaVersion3[] = R"(
CREATE TABLE store (schema_version INTEGER NOT NULL, epoch INTEGER NOT NULL);
CREATE TABLE jobs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, job BLOB NOT NULL,
  request_id TEXT, request_digest BLOB NOT NULL, model_path TEXT NOT NULL, incarnation INTEGER NOT NULL,
  data_digest BLOB NOT NULL DEFAULT x'');
CREATE UNIQUE INDEX jobs_by_request ON jobs (request_id) WHERE request_id <> '';
CREATE TABLE groups (
  job TEXT NOT NULL, group_id INTEGER NOT NULL, purpose INTEGER NOT NULL, evaluation_run TEXT NOT NULL,
  problem_id INTEGER NOT NULL, epoch INTEGER NOT NULL, step INTEGER NOT NULL, policy_version INTEGER NOT NULL,
  state INTEGER NOT NULL, attempt INTEGER NOT NULL, failed_attempts INTEGER NOT NULL, drop_reason TEXT NOT NULL,
  scored_epoch INTEGER NOT NULL, scored_attempt INTEGER NOT NULL, segment INTEGER NOT NULL,
  offset_bytes INTEGER NOT NULL, length_bytes INTEGER NOT NULL, crc INTEGER NOT NULL, planned BLOB NOT NULL,
  num_truncated INTEGER NOT NULL, generation_begin REAL NOT NULL, generation_end REAL NOT NULL,
  PRIMARY KEY (job, group_id)) WITHOUT ROWID;
CREATE INDEX open_groups ON groups (job, group_id) WHERE state < 5;
CREATE INDEX training_ids ON groups (job, group_id) WHERE purpose = 1;
CREATE INDEX groups_by_step ON groups (job, purpose, step, group_id, state);
CREATE INDEX groups_by_problem ON groups (job, problem_id, group_id);
CREATE INDEX payload_groups ON groups (job, group_id, step, state, purpose, length_bytes) WHERE length_bytes > 0;
CREATE INDEX groups_by_location ON groups (segment, offset_bytes) WHERE length_bytes > 0;
CREATE TABLE plans (
  job TEXT NOT NULL, version INTEGER NOT NULL, plan BLOB NOT NULL, PRIMARY KEY (job, version)) WITHOUT ROWID;
CREATE TABLE versions (
  job TEXT NOT NULL, version INTEGER NOT NULL, digest BLOB NOT NULL, checkpoint_path TEXT NOT NULL,
  PRIMARY KEY (job, version)) WITHOUT ROWID;
CREATE TABLE events (
  job TEXT NOT NULL, sequence INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (job, sequence)) WITHOUT ROWID;
CREATE TABLE step_events (
  job TEXT NOT NULL, version INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (job, version)) WITHOUT ROWID;
CREATE TABLE deleted_jobs (job TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
INSERT INTO store VALUES (3, 6);
)";

constexpr char kJob[] = "namespaces/default/jobs/a";

// Of version 2 or 3.
class SqliteSchemaTest : public ::testing::Test {
 protected:
  void SetVersion(int version) {
    ASSERT_OK_AND_ASSIGN(const auto database, SqliteDatabase::Open(path_));
    ASSERT_OK(database->Execute("UPDATE store SET schema_version = " + std::to_string(version)));
  }
  // A job with the events 1 (its state), 2 and 3 (the steps to versions 1 and 2), a trained group and one that waits.
  void WriteStoreOf(int version) {
    ASSERT_OK_AND_ASSIGN(const auto database, SqliteDatabase::Open(path_));
    ASSERT_OK(database->Execute(version == 2 ? kSchemaVersion2 : kSchemaVersion3));
    cohort::v1::Job job;
    job.set_name(kJob);
    job.set_state(cohort::v1::JOB_STATE_RUNNING);
    ASSERT_OK_AND_ASSIGN(auto put_job, database->Prepare("INSERT INTO jobs (name, state, job, request_id, "
                                                         "request_digest, model_path, incarnation) VALUES "
                                                         "(?, 2, ?, 'request', x'', '/m', 4)"));
    ASSERT_OK(put_job.BindText(kJob).BindBlob(job.SerializeAsString()).Run());
    for (int64_t sequence = 1; sequence <= 3; ++sequence) {
      cohort::v1::JobEvent event;
      event.set_sequence(sequence);
      if (sequence == 1) *event.mutable_state_changed() = job;
      if (sequence > 1) event.mutable_step()->set_policy_version(sequence - 1);
      ASSERT_OK_AND_ASSIGN(auto put, database->Prepare("INSERT INTO events VALUES (?, ?, ?)"));
      ASSERT_OK(put.BindText(kJob).Bind(sequence).BindBlob(event.SerializeAsString()).Run());
      if (version == 2 || sequence == 1) continue;
      ASSERT_OK_AND_ASSIGN(auto put_step, database->Prepare("INSERT INTO step_events VALUES (?, ?, ?)"));
      ASSERT_OK(put_step.BindText(kJob).Bind(sequence - 1).Bind(sequence).Run());
    }
    ASSERT_OK_AND_ASSIGN(auto put_group,
                         database->Prepare("INSERT INTO groups VALUES (?1, 7, 1, '', 5, 0, 3, 3, 5, 1, 0, '', 1, 1, "
                                           "2, 16, 30, 9, x'', 0, 0.0, 0.0), (?1, 8, 1, '', 6, 0, 4, 4, 1, 0, 0, '', "
                                           "0, 0, 0, 0, 0, 0, x'', 0, 0.0, 0.0)"));
    ASSERT_OK(put_group.BindText(kJob).Run());
  }
  void ExpectStoreIsTakenOver();

  common::TempDir folder_;
  const std::string path_ = folder_.Join("jobs.sqlite");
};

void SqliteSchemaTest::ExpectStoreIsTakenOver() {
  // The second opening finds a store of this version.
  for (int64_t epoch = 7; epoch <= 8; ++epoch) {
    ASSERT_OK_AND_ASSIGN(const auto store, OpenSqliteJobStore(path_));
    EXPECT_THAT(store->BeginEpoch(), IsOkAndHolds(epoch));
    EXPECT_EQ(store->GetJob(kJob)->incarnation, 4);
    EXPECT_EQ(store->FindJobByRequestId("default", "request")->job.name(), kJob);
    EXPECT_EQ(store->FindJobByRequestId("team", "request").ok(), epoch == 8) << "of the job made below";
    ASSERT_OK_AND_ASSIGN(const auto steps, store->ListStepEvents(kJob, 0, 10));
    ASSERT_EQ(steps.size(), 2u);
    EXPECT_EQ(steps[0].sequence(), 2);
    ASSERT_OK_AND_ASSIGN(const auto groups, store->ListGroups(kJob, {.problem_id = 5, .limit = 10}));
    ASSERT_EQ(groups.size(), 1u);
    EXPECT_EQ(groups[0].group_id, 7);
    ASSERT_OK_AND_ASSIGN(const auto open, store->ListOpenGroups(kJob));
    ASSERT_EQ(open.size(), 1u);
    EXPECT_EQ(open[0].group_id, 8);
    EXPECT_EQ(store->ListGroups(kJob, {.only_closed = true, .limit = 10})->size(), 1u);
    EXPECT_THAT(store->LargestTrainingGroup(kJob), IsOkAndHolds(8));
    EXPECT_THAT(store->PayloadBytes(kJob), IsOkAndHolds(30));
    EXPECT_THAT(*store->SegmentsInUse(), ElementsAre(2));
    JobChange change;
    change.events.emplace_back().set_sequence(100 + epoch);
    change.events[0].mutable_step()->set_policy_version(2);
    ASSERT_OK(store->Apply(kJob, change));
    EXPECT_EQ(store->ListStepEvents(kJob, 1, 10)->at(0).sequence(), 100 + epoch);
    JobRecord other;
    other.job.set_name("namespaces/team/jobs/a" + std::to_string(epoch));
    other.request_id = "request";
    cohort::v1::JobEvent first;
    first.set_sequence(1);
    EXPECT_EQ(store->CreateJob(other, first).ok(), epoch == 7) << "once in each namespace";
  }
  ASSERT_OK_AND_ASSIGN(const auto database, SqliteDatabase::Open(path_));
  ASSERT_OK_AND_ASSIGN(auto indexes, database->Prepare("SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema "
                                                       "WHERE type = 'index' AND sql <> '' ORDER BY name)"));
  ASSERT_THAT(indexes.Step(), IsOkAndHolds(true));
  EXPECT_EQ(indexes.Bytes(),
            "groups_by_location,groups_by_problem,groups_by_step,jobs_by_request,open_groups,payload_groups");
}

TEST_F(SqliteSchemaTest, StoreOfVersion2IsTakenOver) {
  WriteStoreOf(2);
  ExpectStoreIsTakenOver();
}

TEST_F(SqliteSchemaTest, StoreOfVersion3IsTakenOver) {
  WriteStoreOf(3);
  ExpectStoreIsTakenOver();
}

TEST_F(SqliteSchemaTest, UpgradeThatMeetsARowItCannotReadChangesNothing) {
  WriteStoreOf(2);
  {
    ASSERT_OK_AND_ASSIGN(const auto database, SqliteDatabase::Open(path_));
    ASSERT_OK(database->Execute("UPDATE events SET event = x'FF' WHERE sequence = 3"));
  }
  EXPECT_THAT(OpenSqliteJobStore(path_), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("JobEvent")));
  ASSERT_OK_AND_ASSIGN(const auto database, SqliteDatabase::Open(path_));
  ASSERT_OK_AND_ASSIGN(auto version, database->Prepare("SELECT schema_version FROM store"));
  ASSERT_THAT(version.Step(), IsOkAndHolds(true));
  EXPECT_EQ(version.Int(), 2);
}

TEST_F(SqliteSchemaTest, AnotherVersionIsRefusedByNumber) {
  ASSERT_OK(OpenSqliteJobStore(path_));
  SetVersion(99);
  EXPECT_THAT(OpenSqliteJobStore(path_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("schema version 99")));
}

TEST_F(SqliteSchemaTest, StoreOfVersion1IsRefusedByName) {
  ASSERT_OK(OpenSqliteJobStore(path_));
  SetVersion(1);
  EXPECT_THAT(OpenSqliteJobStore(path_), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                  HasSubstr("schema version 1, this program needs 4; use a")));
}

}  // namespace
}  // namespace cohort::coordinator
