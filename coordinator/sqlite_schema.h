// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SQLITE_SCHEMA_H_
#define COHORT_COORDINATOR_SQLITE_SCHEMA_H_

#include "absl/status/status.h"
#include "coordinator/sqlite_database.h"

namespace cohort::coordinator {

// Creates the tables of the job store, or brings those of schema versions 2 and 3 up to date, in one
// transaction.
// FAILED_PRECONDITION, with nothing changed, for any other version.
absl::Status PrepareSchema(SqliteDatabase* database);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SQLITE_SCHEMA_H_
