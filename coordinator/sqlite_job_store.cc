// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sqlite_job_store.h"

#include <limits>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/status_macros.h"
#include "coordinator/sqlite_changes.h"
#include "coordinator/sqlite_database.h"
#include "coordinator/sqlite_deletion.h"
#include "coordinator/sqlite_group_commit.h"
#include "coordinator/sqlite_groups.h"
#include "coordinator/sqlite_rows.h"
#include "coordinator/sqlite_schema.h"

namespace cohort::coordinator {
namespace {

absl::StatusOr<cohort::v1::JobEvent> ReadEventRow(SqliteStatement& row) {
  return ParseRow<cohort::v1::JobEvent>(row.Bytes());
}

// One connection: reads wait for a commit in progress. A second one would need the lock that keeps other coordinators
// away to be shared.
class SqliteJobStore final : public JobStore {
 public:
  explicit SqliteJobStore(std::unique_ptr<SqliteDatabase> database)
      : database_(std::move(database)), commits_(database_.get(), &mutex_) {}

  // Before any other call.
  absl::Status Prepare() {
    absl::MutexLock lock(&mutex_);
    COHORT_RETURN_IF_ERROR(PrepareSchema(database_.get()));
    while (true) {
      COHORT_ASSIGN_OR_RETURN(const std::optional<std::string> name, AnyDeletedJob(database_.get()));
      if (!name.has_value()) return absl::OkStatus();
      COHORT_RETURN_IF_ERROR(DeleteSomeRows(database_.get(), *name).status());
    }
  }

  // What the last process has left in the log of the store goes to where it belongs. In a new store that is the first
  // page, too, without which SQLite would throw the log away.
  absl::Status EmptyLog() {
    absl::MutexLock lock(&mutex_);
    return database_->Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  absl::StatusOr<int64_t> BeginEpoch() override {
    absl::MutexLock lock(&mutex_);
    COHORT_RETURN_IF_ERROR(database_->Execute("UPDATE store SET epoch = epoch + 1"));
    COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare("SELECT epoch FROM store"));
    COHORT_RETURN_IF_ERROR(row.Run());
    return row.Int();
  }

  absl::StatusOr<JobRecord> CreateJob(JobRecord record, const cohort::v1::JobEvent& first_event) override {
    COHORT_RETURN_IF_ERROR(commits_.Run([&]() -> absl::Status {
      mutex_.AssertHeld();
      COHORT_ASSIGN_OR_RETURN(record.sequence, InsertJob(database_.get(), record, first_event));
      return absl::OkStatus();
    }));
    return record;
  }

  absl::StatusOr<JobRecord> GetJob(std::string_view name) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare("SELECT " COHORT_JOB_COLUMNS " FROM jobs WHERE name = ?"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(name).Step());
    if (!found) return absl::NotFoundError(absl::StrCat("job not found (", std::string(name), ")"));
    return ReadJobRow(row);
  }

  absl::StatusOr<JobRecord> FindJobByRequestId(std::string_view name_space, std::string_view request_id) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(
        auto row, database_->Prepare("SELECT " COHORT_JOB_COLUMNS " FROM jobs INDEXED BY jobs_by_request WHERE "
                                     "name_space = ? AND request_id = ? AND request_id <> ''"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(name_space).BindText(request_id).Step());
    if (!found) return absl::NotFoundError(absl::StrCat("no job with request_id (", std::string(request_id), ")"));
    return ReadJobRow(row);
  }

  absl::StatusOr<std::vector<JobRecord>> ListJobs(const JobFilter& filter) override {
    absl::MutexLock lock(&mutex_);
    const std::string_view newest_first = "SELECT " COHORT_JOB_COLUMNS
                                          " FROM jobs WHERE substr(name, 1, ?) = ? AND (? = 0 OR state = ?) "
                                          "AND sequence < ? AND sequence > ? ORDER BY sequence DESC LIMIT ?";
    const std::string_view oldest_first = "SELECT " COHORT_JOB_COLUMNS
                                          " FROM jobs WHERE substr(name, 1, ?) = ? AND (? = 0 OR state = ?) "
                                          "AND sequence < ? AND sequence > ? ORDER BY sequence LIMIT ?";
    COHORT_ASSIGN_OR_RETURN(auto row, database_->Prepare(filter.is_oldest_first ? oldest_first : newest_first));
    row.Bind(static_cast<int64_t>(filter.name_prefix.size())).BindText(filter.name_prefix);
    row.Bind(int64_t{filter.state}).Bind(int64_t{filter.state});
    row.Bind(filter.below_sequence > 0 ? filter.below_sequence : std::numeric_limits<int64_t>::max());
    row.Bind(filter.above_sequence).Bind(int64_t{filter.limit});
    return ReadAllRows<JobRecord>(row, ReadJobRow);
  }

  absl::Status DeleteJob(std::string_view name) override {
    {
      absl::MutexLock lock(&mutex_);
      COHORT_RETURN_IF_ERROR(MarkJobDeleted(database_.get(), name));
    }
    // The job is gone. What cannot be removed now is removed at the next start.
    absl::StatusOr<bool> is_more = true;
    while (is_more.ok() && *is_more) {
      absl::MutexLock lock(&mutex_);
      is_more = DeleteSomeRows(database_.get(), name);
    }
    return absl::OkStatus();
  }

  absl::Status Apply(std::string_view job, const JobChange& change) override {
    return commits_.Run([&] {
      mutex_.AssertHeld();
      return ApplyChange(database_.get(), job, change);
    });
  }

  absl::StatusOr<std::vector<GroupRecord>> ListOpenGroups(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    return coordinator::ListOpenGroups(database_.get(), job);
  }

  absl::StatusOr<int64_t> CountTrainingGroups(std::string_view job, int64_t step) override {
    absl::MutexLock lock(&mutex_);
    return coordinator::CountTrainingGroups(database_.get(), job, step);
  }

  absl::StatusOr<int64_t> LargestTrainingGroup(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    return coordinator::LargestTrainingGroup(database_.get(), job);
  }

  absl::StatusOr<std::vector<GroupRecord>> GetGroups(std::string_view job,
                                                     const std::vector<int64_t>& group_ids) override {
    absl::MutexLock lock(&mutex_);
    return coordinator::GetGroups(database_.get(), job, group_ids);
  }

  absl::StatusOr<std::vector<GroupRecord>> ListGroups(std::string_view job, const GroupFilter& filter) override {
    absl::MutexLock lock(&mutex_);
    return coordinator::ListGroups(database_.get(), job, filter);
  }

  absl::StatusOr<int64_t> PayloadBytes(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    return coordinator::PayloadBytes(database_.get(), job);
  }

  absl::StatusOr<std::vector<int64_t>> SegmentsInUse() override {
    absl::MutexLock lock(&mutex_);
    return coordinator::SegmentsInUse(database_.get());
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
    return ReadAllRows<VersionRecord>(row.BindText(job), [](SqliteStatement& columns) -> absl::StatusOr<VersionRecord> {
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
    return ReadAllRows<cohort::v1::JobEvent>(row, ReadEventRow);
  }

  absl::StatusOr<int64_t> NewestEventSequence(std::string_view job) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(
        auto row, database_->Prepare("SELECT sequence FROM events WHERE job = ? ORDER BY sequence DESC LIMIT 1"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(job).Step());
    return found ? row.Int() : 0;
  }

  absl::StatusOr<std::vector<cohort::v1::JobEvent>> ListStepEvents(std::string_view job, int64_t after_version,
                                                                   int limit) override {
    absl::MutexLock lock(&mutex_);
    COHORT_ASSIGN_OR_RETURN(auto row,
                            database_->Prepare("SELECT event FROM step_events JOIN events USING (job, sequence) WHERE "
                                               "step_events.job = ? AND version > ? ORDER BY version LIMIT ?"));
    row.BindText(job).Bind(after_version).Bind(int64_t{limit});
    return ReadAllRows<cohort::v1::JobEvent>(row, ReadEventRow);
  }

  absl::StatusOr<rollout_log::RecordLocation> EndOfLog() override {
    absl::MutexLock lock(&mutex_);
    return coordinator::EndOfLog(database_.get());
  }

  int64_t NumWaitingChanges() const override { return commits_.num_waiting(); }

 private:
  absl::Mutex mutex_;
  std::unique_ptr<SqliteDatabase> database_ ABSL_GUARDED_BY(mutex_);
  // What is written while jobs run. Of the rest there is little.
  SqliteGroupCommit commits_;
};

// A sync that failed leaves its bytes in the kernel's cache, where the next process finds them and no later sync makes
// them durable. Written anew, they are. Nothing of SQLite locks this file.
absl::Status WriteAnew(common::FileSystem* files, const std::string& path) {
  auto file = files->Open(path, common::FileSystem::Mode::kUpdate);
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  COHORT_RETURN_IF_ERROR(file.status());
  std::string bytes(1 << 16, '\0');
  for (int64_t offset = 0;;) {
    COHORT_ASSIGN_OR_RETURN(const int64_t size,
                            (*file)->Read(bytes.data(), static_cast<int64_t>(bytes.size()), offset));
    if (size == 0) return (*file)->Sync();
    COHORT_RETURN_IF_ERROR((*file)->Write(std::string_view(bytes).substr(0, size), offset));
    offset += size;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<JobStore>> OpenSqliteJobStore(const std::string& path, common::FileSystem* files,
                                                             const std::string& vfs) {
  // From here on no other process writes.
  COHORT_ASSIGN_OR_RETURN(auto database, SqliteDatabase::Open(path, vfs));
  COHORT_RETURN_IF_ERROR(WriteAnew(files, path + "-wal"));
  auto store = std::make_unique<SqliteJobStore>(std::move(database));
  COHORT_RETURN_IF_ERROR(store->Prepare());
  COHORT_RETURN_IF_ERROR(store->EmptyLog());
  return std::unique_ptr<JobStore>(std::move(store));
}

}  // namespace cohort::coordinator
