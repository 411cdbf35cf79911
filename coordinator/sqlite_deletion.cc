// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sqlite_deletion.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

// About 20 ms of one processor.
constexpr int64_t kRowsAtOnce = 2000;

#define COHORT_DELETE_SOME(TABLE, KEY)                                                                              \
  "DELETE FROM " TABLE " WHERE job = ?1 AND " KEY " IN (SELECT " KEY " FROM " TABLE " WHERE job = ?1 ORDER BY " KEY \
  " LIMIT ?2)"

}  // namespace

absl::Status MarkJobDeleted(SqliteDatabase* database, std::string_view name) {
  COHORT_ASSIGN_OR_RETURN(auto transaction, SqliteTransaction::Begin(database));
  {
    COHORT_ASSIGN_OR_RETURN(auto job, database->Prepare("DELETE FROM jobs WHERE name = ? RETURNING 1"));
    COHORT_ASSIGN_OR_RETURN(const bool found, job.BindText(name).Step());
    if (!found) return absl::NotFoundError(absl::StrCat("job not found (", std::string(name), ")"));
    COHORT_ASSIGN_OR_RETURN(auto mark, database->Prepare("INSERT INTO deleted_jobs VALUES (?)"));
    COHORT_RETURN_IF_ERROR(mark.BindText(name).Run());
  }
  return transaction.Commit();
}

absl::StatusOr<bool> DeleteSomeRows(SqliteDatabase* database, std::string_view name) {
  COHORT_ASSIGN_OR_RETURN(auto transaction, SqliteTransaction::Begin(database));
  bool is_more = false;
  for (const std::string_view sql : {std::string_view(COHORT_DELETE_SOME("groups", "group_id")),
                                     std::string_view(COHORT_DELETE_SOME("plans", "version")),
                                     std::string_view(COHORT_DELETE_SOME("versions", "version")),
                                     std::string_view(COHORT_DELETE_SOME("events", "sequence")),
                                     std::string_view(COHORT_DELETE_SOME("step_events", "version"))}) {
    COHORT_ASSIGN_OR_RETURN(auto remove, database->Prepare(sql));
    COHORT_RETURN_IF_ERROR(remove.BindText(name).Bind(kRowsAtOnce).Run());
    is_more = is_more || database->NumChanges() == kRowsAtOnce;
  }
  if (!is_more) {
    COHORT_ASSIGN_OR_RETURN(auto unmark, database->Prepare("DELETE FROM deleted_jobs WHERE job = ?"));
    COHORT_RETURN_IF_ERROR(unmark.BindText(name).Run());
  }
  COHORT_RETURN_IF_ERROR(transaction.Commit());
  return is_more;
}

absl::StatusOr<bool> IsMarkedDeleted(SqliteDatabase* database, std::string_view name) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT 1 FROM deleted_jobs WHERE job = ?"));
  return row.BindText(name).Step();
}

absl::StatusOr<std::optional<std::string>> AnyDeletedJob(SqliteDatabase* database) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT job FROM deleted_jobs LIMIT 1"));
  COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
  return found ? std::optional<std::string>(row.Bytes()) : std::nullopt;
}

}  // namespace cohort::coordinator
