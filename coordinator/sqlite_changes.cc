// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sqlite_changes.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/resource_name.h"
#include "coordinator/sqlite_deletion.h"
#include "coordinator/sqlite_groups.h"
#include "coordinator/sqlite_rows.h"

namespace cohort::coordinator {
namespace {

absl::Status PutPlan(SqliteDatabase* database, std::string_view job, const cohort::v1::StepPlan& plan) {
  COHORT_ASSIGN_OR_RETURN(auto put, database->Prepare("INSERT OR REPLACE INTO plans VALUES (?, ?, ?)"));
  return put.BindText(job).Bind(plan.version()).BindBlob(plan.SerializeAsString()).Run();
}

absl::Status PutVersion(SqliteDatabase* database, std::string_view job, const VersionRecord& version) {
  COHORT_ASSIGN_OR_RETURN(auto put, database->Prepare("INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?)"));
  put.BindText(job).Bind(version.version).BindBlob(version.digest);
  return put.BindText(version.checkpoint_path).Run();
}

absl::Status CheckJobIsThere(SqliteDatabase* database, std::string_view job) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT 1 FROM jobs WHERE name = ?"));
  COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(job).Step());
  return found ? absl::OkStatus() : absl::NotFoundError(absl::StrCat("job not found (", std::string(job), ")"));
}

}  // namespace

absl::StatusOr<int64_t> InsertJob(SqliteDatabase* database, const JobRecord& record,
                                  const cohort::v1::JobEvent& first_event) {
  const std::string& name = record.job.name();
  COHORT_ASSIGN_OR_RETURN(const bool is_deleted, IsMarkedDeleted(database, name));
  if (is_deleted) return absl::AlreadyExistsError(absl::StrCat("job is being deleted (", name, ")"));
  int64_t sequence = 0;
  {
    COHORT_ASSIGN_OR_RETURN(
        auto insert,
        database->Prepare("INSERT INTO jobs (name, state, job, request_id, request_digest, model_path, incarnation, "
                          "data_digest, name_space) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING sequence"));
    insert.BindText(name).Bind(int64_t{record.job.state()}).BindBlob(record.job.SerializeAsString());
    insert.BindText(record.request_id).BindBlob(record.request_digest).BindText(record.model_path);
    insert.Bind(record.incarnation).BindBlob(record.data_digest);
    COHORT_RETURN_IF_ERROR(insert.BindText(NamespaceOf(name)).Run());
    sequence = insert.Int();
  }
  COHORT_RETURN_IF_ERROR(PutEvent(database, name, first_event));
  return sequence;
}

absl::Status ApplyChange(SqliteDatabase* database, std::string_view job, const JobChange& change) {
  COHORT_RETURN_IF_ERROR(CheckJobIsThere(database, job));
  if (change.job.has_value()) COHORT_RETURN_IF_ERROR(PutJob(database, job, *change.job));
  for (const GroupRecord& group : change.groups) COHORT_RETURN_IF_ERROR(PutGroup(database, job, group));
  if (change.plan.has_value()) COHORT_RETURN_IF_ERROR(PutPlan(database, job, *change.plan));
  if (change.version.has_value()) COHORT_RETURN_IF_ERROR(PutVersion(database, job, *change.version));
  for (const cohort::v1::JobEvent& event : change.events) COHORT_RETURN_IF_ERROR(PutEvent(database, job, event));
  return absl::OkStatus();
}

}  // namespace cohort::coordinator
