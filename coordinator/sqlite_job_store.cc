// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sqlite_job_store.h"

#include <limits>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/status_macros.h"
#include "coordinator/sqlite_database.h"
#include "coordinator/sqlite_rows.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kSchemaVersion = 2;

constexpr char kSchema[] = R"(
CREATE TABLE IF NOT EXISTS store (schema_version INTEGER NOT NULL, epoch INTEGER NOT NULL);
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
CREATE INDEX IF NOT EXISTS training_groups ON groups (job, step, group_id) WHERE purpose = 1;
CREATE INDEX IF NOT EXISTS groups_by_location ON groups (segment, offset_bytes) WHERE length_bytes > 0;
CREATE TABLE IF NOT EXISTS plans (
  job TEXT NOT NULL, version INTEGER NOT NULL, plan BLOB NOT NULL, PRIMARY KEY (job, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS versions (
  job TEXT NOT NULL, version INTEGER NOT NULL, digest BLOB NOT NULL, checkpoint_path TEXT NOT NULL,
  PRIMARY KEY (job, version)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
  job TEXT NOT NULL, sequence INTEGER NOT NULL, event BLOB NOT NULL, PRIMARY KEY (job, sequence)) WITHOUT ROWID;
)";

class SqliteJobStore final : public JobStore {
 public:
  explicit SqliteJobStore(std::unique_ptr<SqliteDatabase> database) : database_(std::move(database)) {}

  absl::Status CheckSchema() {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(auto transaction, SqliteTransaction::Begin(database_.get()));
    COHORT_RETURN_IF_ERROR(database_->Execute(kSchema));
    COHORT_ASSIGN_OR_RETURN(const std::optional<int64_t> version, ReadSchemaVersion());
    if (!version.has_value()) {
      COHORT_ASSIGN_OR_RETURN(auto insert, database_->Prepare("INSERT INTO store VALUES (?, 0)"));
      COHORT_RETURN_IF_ERROR(insert.Bind(kSchemaVersion).Run());
    } else if (*version != kSchemaVersion) {
      // Version 1 holds jobs with another ObjectiveSpec, which would be read as something else.
      return absl::FailedPreconditionError(absl::StrCat("store: schema version ", *version, ", this program needs ",
                                                        kSchemaVersion, *version == 1 ? "; use a new --data_dir" : ""));
    }
    return transaction.Commit();
  }

  absl::StatusOr<int64_t> BeginEpoch() override {
    absl::MutexLock lock(&mutex_);
    COHORT_RETURN_IF_ERROR(database_->Execute("UPDATE store SET epoch = epoch + 1"));
    COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare("SELECT epoch FROM store"));
    COHORT_RETURN_IF_ERROR(row.Run());
    return row.Int();
  }

  absl::StatusOr<JobRecord> CreateJob(JobRecord record, const cohort::v1::JobEvent& first_event) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(auto transaction, SqliteTransaction::Begin(database_.get()));
    {
      COHORT_ASSIGN_OR_RETURN(
          auto insert,
          database_->Prepare("INSERT INTO jobs (name, state, job, request_id, request_digest, model_path, incarnation, "
                             "data_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING sequence"));
      insert.BindText(record.job.name()).Bind(int64_t{record.job.state()}).BindBlob(record.job.SerializeAsString());
      insert.BindText(record.request_id).BindBlob(record.request_digest).BindText(record.model_path);
      COHORT_RETURN_IF_ERROR(insert.Bind(record.incarnation).BindBlob(record.data_digest).Run());
      record.sequence = insert.Int();
    }
    COHORT_RETURN_IF_ERROR(PutEvent(database_.get(), record.job.name(), first_event));
    COHORT_RETURN_IF_ERROR(transaction.Commit());
    return record;
  }

  absl::StatusOr<JobRecord> GetJob(std::string_view name) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare("SELECT " COHORT_JOB_COLUMNS " FROM jobs WHERE name = ?"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(name).Step());
    if (!found) return absl::NotFoundError(absl::StrCat("job not found (", std::string(name), ")"));
    return ReadJobRow(row);
  }

  absl::StatusOr<JobRecord> FindJobByRequestId(std::string_view request_id) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare("SELECT " COHORT_JOB_COLUMNS
                                                         " FROM jobs WHERE request_id = ? AND request_id <> ''"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(request_id).Step());
    if (!found) return absl::NotFoundError(absl::StrCat("no job with request_id (", std::string(request_id), ")"));
    return ReadJobRow(row);
  }

  absl::StatusOr<std::vector<JobRecord>> ListJobs(const JobFilter& filter) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(auto row,
                            database_->Prepare("SELECT " COHORT_JOB_COLUMNS
                                               " FROM jobs WHERE substr(name, 1, ?) = ? AND (? = 0 OR state = ?) "
                                               "AND sequence < ? ORDER BY sequence DESC LIMIT ?"));
    row.Bind(static_cast<int64_t>(filter.name_prefix.size())).BindText(filter.name_prefix);
    row.Bind(int64_t{filter.state}).Bind(int64_t{filter.state});
    row.Bind(filter.below_sequence > 0 ? filter.below_sequence : std::numeric_limits<int64_t>::max());
    row.Bind(int64_t{filter.limit});
    return ReadAll<JobRecord>(row, ReadJobRow);
  }

  absl::Status Apply(std::string_view job, const JobChange& change) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(auto transaction, SqliteTransaction::Begin(database_.get()));
    {
      COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare("SELECT 1 FROM jobs WHERE name = ?"));
      COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(job).Step());
      if (!found) return absl::NotFoundError(absl::StrCat("job not found (", std::string(job), ")"));
    }
    if (change.job.has_value()) COHORT_RETURN_IF_ERROR(PutJob(database_.get(), job, *change.job));
    for (const GroupRecord& group : change.groups) COHORT_RETURN_IF_ERROR(PutGroup(database_.get(), job, group));
    if (change.plan.has_value()) {
      COHORT_ASSIGN_OR_RETURN(auto put, database_->Prepare("INSERT OR REPLACE INTO plans VALUES (?, ?, ?)"));
      put.BindText(job).Bind(change.plan->version()).BindBlob(change.plan->SerializeAsString());
      COHORT_RETURN_IF_ERROR(put.Run());
    }
    if (change.version.has_value()) {
      COHORT_ASSIGN_OR_RETURN(auto put, database_->Prepare("INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?)"));
      put.BindText(job).Bind(change.version->version).BindBlob(change.version->digest);
      COHORT_RETURN_IF_ERROR(put.BindText(change.version->checkpoint_path).Run());
    }
    for (const cohort::v1::JobEvent& event : change.events)
      COHORT_RETURN_IF_ERROR(PutEvent(database_.get(), job, event));
    return transaction.Commit();
  }

  absl::StatusOr<std::vector<GroupRecord>> ListOpenGroups(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare("SELECT " COHORT_GROUP_COLUMNS
                                                         " FROM groups WHERE job = ? AND state < 5 ORDER BY group_id"));
    return ReadAll<GroupRecord>(row.BindText(job), ReadGroupRow);
  }

  absl::StatusOr<int64_t> CountTrainingGroups(std::string_view job, int64_t step) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(
        auto row, database_->Prepare("SELECT COUNT(*) FROM groups WHERE job = ? AND purpose = 1 AND step = ?"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(job).Bind(step).Step());
    if (!found) return absl::InternalError("store: an aggregate without a row");
    return row.Int();
  }

  absl::StatusOr<int64_t> LargestTrainingGroup(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    // Ids rise with steps, so the newest step's largest is the largest.
    COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare("SELECT group_id FROM groups WHERE job = ? AND purpose = 1 "
                                                         "ORDER BY step DESC, group_id DESC LIMIT 1"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(job).Step());
    return found ? row.Int() : int64_t{-1};
  }

  absl::StatusOr<std::vector<GroupRecord>> GetGroups(std::string_view job,
                                                     const std::vector<int64_t>& group_ids) override {
    absl::MutexLock lock(&mutex_);
    std::vector<GroupRecord> groups;
    for (const int64_t id : group_ids) {
      COHORT_ASSIGN_OR_RETURN(
          auto row, database_->Prepare("SELECT " COHORT_GROUP_COLUMNS " FROM groups WHERE job = ? AND group_id = ?"));
      COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(job).Bind(id).Step());
      if (!found) return absl::NotFoundError(absl::StrCat("group not found (", id, " of ", std::string(job), ")"));
      COHORT_ASSIGN_OR_RETURN(groups.emplace_back(), ReadGroupRow(row));
    }
    return groups;
  }

  absl::StatusOr<cohort::v1::StepPlan> GetPlan(std::string_view job, int64_t version) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare("SELECT plan FROM plans WHERE job = ? AND version = ?"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(job).Bind(version).Step());
    if (!found) return absl::NotFoundError(absl::StrCat("plan not found (", version, " of ", std::string(job), ")"));
    return ParseRow<cohort::v1::StepPlan>(row.Bytes());
  }

  absl::StatusOr<std::vector<VersionRecord>> ListVersions(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(
        auto row,
        database_->Prepare("SELECT version, digest, checkpoint_path FROM versions WHERE job = ? ORDER BY version"));
    return ReadAll<VersionRecord>(row.BindText(job), [](SqliteStatement& columns) -> absl::StatusOr<VersionRecord> {
      VersionRecord record;
      record.version = columns.Int();
      record.digest = columns.Bytes();
      record.checkpoint_path = columns.Bytes();
      return record;
    });
  }

  absl::StatusOr<std::vector<cohort::v1::JobEvent>> ListEvents(std::string_view job, int64_t after,
                                                               int limit) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(
        auto row,
        database_->Prepare("SELECT event FROM events WHERE job = ? AND sequence > ? ORDER BY sequence LIMIT ?"));
    row.BindText(job).Bind(after).Bind(int64_t{limit});
    return ReadAll<cohort::v1::JobEvent>(
        row, [](SqliteStatement& columns) { return ParseRow<cohort::v1::JobEvent>(columns.Bytes()); });
  }

  absl::StatusOr<rollout_log::RecordLocation> EndOfLog() override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(
        auto row,
        database_->Prepare("SELECT segment, offset_bytes, length_bytes, crc FROM groups WHERE length_bytes > 0 "
                           "ORDER BY segment DESC, offset_bytes DESC LIMIT 1"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
    rollout_log::RecordLocation end;
    if (!found) return end;
    end.segment = row.Int();
    end.offset_bytes = row.Int();
    end.length_bytes = row.Int();
    end.crc = static_cast<uint32_t>(row.Int());
    return end;
  }

 private:
  // Nullopt for a store that is just being made.
  absl::StatusOr<std::optional<int64_t>> ReadSchemaVersion() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare("SELECT schema_version FROM store"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
    return found ? std::optional<int64_t>(row.Int()) : std::nullopt;
  }

  template <typename T, typename Reader>
  static absl::StatusOr<std::vector<T>> ReadAll(SqliteStatement& row, Reader read) {
    std::vector<T> all;
    while (true) {
      COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
      if (!found) return all;
      COHORT_ASSIGN_OR_RETURN(all.emplace_back(), read(row));
    }
  }

  absl::Mutex mutex_;
  std::unique_ptr<SqliteDatabase> database_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<JobStore>> OpenSqliteJobStore(const std::string& path) {
  COHORT_ASSIGN_OR_RETURN(auto database, SqliteDatabase::Open(path));
  auto store = std::make_unique<SqliteJobStore>(std::move(database));
  COHORT_RETURN_IF_ERROR(store->CheckSchema());
  return std::unique_ptr<JobStore>(std::move(store));
}

}  // namespace cohort::coordinator
