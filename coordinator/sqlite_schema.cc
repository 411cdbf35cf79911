// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sqlite_schema.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/sqlite_rows.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kSchemaVersion = 4;

// What tells one store from another; the same in every version.
constexpr char kStoreTable[] =
    "CREATE TABLE IF NOT EXISTS store (schema_version INTEGER NOT NULL, epoch INTEGER NOT NULL)";

// Every index is there for one question: open_groups for a job that starts, groups_by_step, groups_by_problem and
// payload_groups for lists and retention, groups_by_location for the rollout log. None holds what changes while a group
// is open, so that scoring a group writes its row and the two indexes of where its rollouts are.
constexpr char kSchema[] = R"(
CREATE TABLE IF NOT EXISTS jobs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, job BLOB NOT NULL,
  request_id TEXT, request_digest BLOB NOT NULL, model_path TEXT NOT NULL, incarnation INTEGER NOT NULL,
  data_digest BLOB NOT NULL DEFAULT x'', name_space TEXT NOT NULL DEFAULT '');
CREATE UNIQUE INDEX IF NOT EXISTS jobs_by_request ON jobs (name_space, request_id) WHERE request_id <> '';
CREATE TABLE IF NOT EXISTS groups (
  job TEXT NOT NULL, group_id INTEGER NOT NULL, purpose INTEGER NOT NULL, evaluation_run TEXT NOT NULL,
  problem_id INTEGER NOT NULL, epoch INTEGER NOT NULL, step INTEGER NOT NULL, policy_version INTEGER NOT NULL,
  state INTEGER NOT NULL, attempt INTEGER NOT NULL, failed_attempts INTEGER NOT NULL, drop_reason TEXT NOT NULL,
  scored_epoch INTEGER NOT NULL, scored_attempt INTEGER NOT NULL, segment INTEGER NOT NULL,
  offset_bytes INTEGER NOT NULL, length_bytes INTEGER NOT NULL, crc INTEGER NOT NULL, planned BLOB NOT NULL,
  num_truncated INTEGER NOT NULL, generation_begin REAL NOT NULL, generation_end REAL NOT NULL,
  is_closed INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (job, group_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_groups ON groups (job, group_id) WHERE is_closed = 0;
CREATE INDEX IF NOT EXISTS groups_by_step ON groups (job, purpose, step, group_id);
CREATE INDEX IF NOT EXISTS groups_by_problem ON groups (job, problem_id, group_id);
CREATE INDEX IF NOT EXISTS payload_groups ON groups (job, group_id, step, purpose, length_bytes)
  WHERE length_bytes > 0;
CREATE INDEX IF NOT EXISTS groups_by_location ON groups (segment, offset_bytes) WHERE length_bytes > 0;
CREATE TABLE IF NOT EXISTS plans (
  job TEXT NOT NULL, version INTEGER NOT NULL, plan BLOB NOT NULL, PRIMARY KEY (job, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS versions (
  job TEXT NOT NULL, version INTEGER NOT NULL, digest BLOB NOT NULL, checkpoint_path TEXT NOT NULL,
  PRIMARY KEY (job, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  job TEXT NOT NULL, sequence INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (job, sequence)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS step_events (
  job TEXT NOT NULL, version INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (job, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deleted_jobs (job TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
)";

// Nullopt for a store that is just being made.
absl::StatusOr<std::optional<int64_t>> ReadSchemaVersion(SqliteDatabase* database) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT schema_version FROM store"));
  COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
  return found ? std::optional<int64_t>(row.Int()) : std::nullopt;
}

// Before the tables and indexes of this version are made. Version 3 had a request_id of one job of all namespaces, and
// indexes that were written with every change of a group; version 2 had other ones still.
constexpr char kToVersion4[] = R"(
DROP INDEX IF EXISTS jobs_by_request;
DROP INDEX IF EXISTS open_groups;
DROP INDEX IF EXISTS training_groups;
DROP INDEX IF EXISTS training_ids;
DROP INDEX IF EXISTS groups_by_step;
DROP INDEX IF EXISTS payload_groups;
ALTER TABLE jobs ADD COLUMN name_space TEXT NOT NULL DEFAULT '';
UPDATE jobs SET name_space = substr(name, 12, instr(substr(name, 12), '/') - 1);
ALTER TABLE groups ADD COLUMN is_closed INTEGER NOT NULL DEFAULT 0;
UPDATE groups SET is_closed = 1 WHERE state >= 5;
)";

// Version 2 had no list of step events.
absl::Status ListStepEvents(SqliteDatabase* database) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT job, event FROM events ORDER BY job, sequence"));
  while (true) {
    COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return absl::OkStatus();
    const std::string job = row.Bytes();
    COHORT_ASSIGN_OR_RETURN(const auto event, ParseRow<cohort::v1::JobEvent>(row.Bytes()));
    COHORT_RETURN_IF_ERROR(PutStepEvent(database, job, event));
  }
}

absl::Status SetVersion(SqliteDatabase* database) {
  COHORT_ASSIGN_OR_RETURN(auto update, database->Prepare("UPDATE store SET schema_version = ?"));
  return update.Bind(kSchemaVersion).Run();
}

}  // namespace

absl::Status PrepareSchema(SqliteDatabase* database) {
  COHORT_ASSIGN_OR_RETURN(auto transaction, SqliteTransaction::Begin(database));
  COHORT_RETURN_IF_ERROR(database->Execute(kStoreTable));
  COHORT_ASSIGN_OR_RETURN(const std::optional<int64_t> version, ReadSchemaVersion(database));
  const bool is_older = version.has_value() && (*version == 2 || *version == 3);
  if (version.has_value() && *version != kSchemaVersion && !is_older) {
    // Version 1 holds jobs with another ObjectiveSpec, which would be read as something else.
    return absl::FailedPreconditionError(absl::StrCat("store: schema version ", *version, ", this program needs ",
                                                      kSchemaVersion, *version == 1 ? "; use a new --data_dir" : ""));
  }
  if (is_older) COHORT_RETURN_IF_ERROR(database->Execute(kToVersion4));
  COHORT_RETURN_IF_ERROR(database->Execute(kSchema));
  if (!version.has_value()) {
    COHORT_ASSIGN_OR_RETURN(auto insert, database->Prepare("INSERT INTO store VALUES (?, 0)"));
    COHORT_RETURN_IF_ERROR(insert.Bind(kSchemaVersion).Run());
  }
  if (version == 2) COHORT_RETURN_IF_ERROR(ListStepEvents(database));
  if (is_older) COHORT_RETURN_IF_ERROR(SetVersion(database));
  return transaction.Commit();
}

}  // namespace cohort::coordinator
