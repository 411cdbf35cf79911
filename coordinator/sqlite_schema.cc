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

constexpr int64_t kSchemaVersion = 3;

// What tells one store from another; the same in every version.
constexpr char kStoreTable[] =
    "CREATE TABLE IF NOT EXISTS store (schema_version INTEGER NOT NULL, epoch INTEGER NOT NULL)";

// Every index is there for one question: open_groups and training_ids for a job that starts, groups_by_step,
// groups_by_problem and payload_groups for lists and retention, groups_by_location for the rollout log.
constexpr char kSchema[] = R"(
CREATE TABLE IF NOT EXISTS jobs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, state INTEGER NOT NULL, job BLOB NOT NULL,
  request_id TEXT, request_digest BLOB NOT NULL, model_path TEXT NOT NULL, incarnation INTEGER NOT NULL,
  data_digest BLOB NOT NULL DEFAULT x'');
CREATE UNIQUE INDEX IF NOT EXISTS jobs_by_request ON jobs (request_id) WHERE request_id <> '';
CREATE TABLE IF NOT EXISTS groups (
  job TEXT NOT NULL, group_id INTEGER NOT NULL, purpose INTEGER NOT NULL, evaluation_run TEXT NOT NULL,
  problem_id INTEGER NOT NULL, epoch INTEGER NOT NULL, step INTEGER NOT NULL, policy_version INTEGER NOT NULL,
  state INTEGER NOT NULL, attempt INTEGER NOT NULL, failed_attempts INTEGER NOT NULL, drop_reason TEXT NOT NULL,
  scored_epoch INTEGER NOT NULL, scored_attempt INTEGER NOT NULL, segment INTEGER NOT NULL,
  offset_bytes INTEGER NOT NULL, length_bytes INTEGER NOT NULL, crc INTEGER NOT NULL, planned BLOB NOT NULL,
  num_truncated INTEGER NOT NULL, generation_begin REAL NOT NULL, generation_end REAL NOT NULL,
  PRIMARY KEY (job, group_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_groups ON groups (job, group_id) WHERE state < 5;
CREATE INDEX IF NOT EXISTS training_ids ON groups (job, group_id) WHERE purpose = 1;
CREATE INDEX IF NOT EXISTS groups_by_step ON groups (job, purpose, step, group_id, state);
CREATE INDEX IF NOT EXISTS groups_by_problem ON groups (job, problem_id, group_id);
CREATE INDEX IF NOT EXISTS payload_groups ON groups (job, group_id, step, state, purpose, length_bytes)
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

// Version 2 had no list of step events and another index over steps.
absl::Status UpgradeFromVersion2(SqliteDatabase* database) {
  COHORT_RETURN_IF_ERROR(database->Execute("DROP INDEX IF EXISTS training_groups"));
  {
    COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT job, event FROM events ORDER BY job, sequence"));
    while (true) {
      COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
      if (!found) break;
      const std::string job = row.Bytes();
      COHORT_ASSIGN_OR_RETURN(const auto event, ParseRow<cohort::v1::JobEvent>(row.Bytes()));
      COHORT_RETURN_IF_ERROR(PutStepEvent(database, job, event));
    }
  }
  COHORT_ASSIGN_OR_RETURN(auto update, database->Prepare("UPDATE store SET schema_version = ?"));
  return update.Bind(kSchemaVersion).Run();
}

}  // namespace

absl::Status PrepareSchema(SqliteDatabase* database) {
  COHORT_ASSIGN_OR_RETURN(auto transaction, SqliteTransaction::Begin(database));
  COHORT_RETURN_IF_ERROR(database->Execute(kStoreTable));
  COHORT_ASSIGN_OR_RETURN(const std::optional<int64_t> version, ReadSchemaVersion(database));
  if (version.has_value() && *version != kSchemaVersion && *version != 2) {
    // Version 1 holds jobs with another ObjectiveSpec, which would be read as something else.
    return absl::FailedPreconditionError(absl::StrCat("store: schema version ", *version, ", this program needs ",
                                                      kSchemaVersion, *version == 1 ? "; use a new --data_dir" : ""));
  }
  COHORT_RETURN_IF_ERROR(database->Execute(kSchema));
  if (!version.has_value()) {
    COHORT_ASSIGN_OR_RETURN(auto insert, database->Prepare("INSERT INTO store VALUES (?, 0)"));
    COHORT_RETURN_IF_ERROR(insert.Bind(kSchemaVersion).Run());
  } else if (*version == 2) {
    COHORT_RETURN_IF_ERROR(UpgradeFromVersion2(database));
  }
  return transaction.Commit();
}

}  // namespace cohort::coordinator
