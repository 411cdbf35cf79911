// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SQLITE_DELETION_H_
#define COHORT_COORDINATOR_SQLITE_DELETION_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/sqlite_database.h"

// A job is deleted by one small transaction, which marks it, and its rows are then removed some at a time: a million
// groups take seconds, in which other jobs want the store. What a crash leaves is removed at the next start. The name
// stays taken until the last row is gone. Pure functions of the database.
namespace cohort::coordinator {

// NOT_FOUND.
absl::Status MarkJobDeleted(SqliteDatabase* database, std::string_view name);
// True while rows of a marked job may be left.
absl::StatusOr<bool> DeleteSomeRows(SqliteDatabase* database, std::string_view name);
absl::StatusOr<bool> IsMarkedDeleted(SqliteDatabase* database, std::string_view name);
// Any job that is marked; nullopt without one.
absl::StatusOr<std::optional<std::string>> AnyDeletedJob(SqliteDatabase* database);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SQLITE_DELETION_H_
