// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SQLITE_JOB_STORE_H_
#define COHORT_COORDINATOR_SQLITE_JOB_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/file_system.h"
#include "coordinator/job_store.h"

namespace cohort::coordinator {

// Opens or creates the store in one SQLite file. UNAVAILABLE when another coordinator holds it; FAILED_PRECONDITION
// when it was written by a schema version that cannot be taken over (sqlite_schema.h). `vfs` names a registered VFS of
// SQLite that keeps its files in `files`; empty: the default one.
absl::StatusOr<std::unique_ptr<JobStore>> OpenSqliteJobStore(const std::string& path,
                                                             common::FileSystem* files = common::RealFileSystem(),
                                                             const std::string& vfs = "");

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SQLITE_JOB_STORE_H_
