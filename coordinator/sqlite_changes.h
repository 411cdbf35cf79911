// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SQLITE_CHANGES_H_
#define COHORT_COORDINATOR_SQLITE_CHANGES_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/job_store.h"
#include "coordinator/sqlite_database.h"

namespace cohort::coordinator {

// What JobStore writes, without beginning or committing anything: for use inside a transaction, which must not be
// committed after an error. Pure functions of the database.

// As JobStore::CreateJob; the job's sequence.
absl::StatusOr<int64_t> InsertJob(SqliteDatabase* database, const JobRecord& record,
                                  const cohort::v1::JobEvent& first_event);
// As JobStore::Apply.
absl::Status ApplyChange(SqliteDatabase* database, std::string_view job, const JobChange& change);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SQLITE_CHANGES_H_
