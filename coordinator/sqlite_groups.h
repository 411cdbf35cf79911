// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SQLITE_GROUPS_H_
#define COHORT_COORDINATOR_SQLITE_GROUPS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "coordinator/job_store.h"
#include "coordinator/sqlite_database.h"

// Questions about groups, as of the methods of JobStore with the same names. Pure functions of the database.
namespace cohort::coordinator {

absl::Status PutGroup(SqliteDatabase* database, std::string_view job, const GroupRecord& group);

absl::StatusOr<std::vector<GroupRecord>> ListOpenGroups(SqliteDatabase* database, std::string_view job);
absl::StatusOr<int64_t> CountTrainingGroups(SqliteDatabase* database, std::string_view job, int64_t step);
absl::StatusOr<int64_t> LargestTrainingGroup(SqliteDatabase* database, std::string_view job);
absl::StatusOr<std::vector<GroupRecord>> GetGroups(SqliteDatabase* database, std::string_view job,
                                                   const std::vector<int64_t>& group_ids);
absl::StatusOr<std::vector<GroupRecord>> ListGroups(SqliteDatabase* database, std::string_view job,
                                                    const GroupFilter& filter);
absl::StatusOr<int64_t> PayloadBytes(SqliteDatabase* database, std::string_view job);
absl::StatusOr<std::vector<int64_t>> SegmentsInUse(SqliteDatabase* database);
absl::StatusOr<rollout_log::RecordLocation> EndOfLog(SqliteDatabase* database);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SQLITE_GROUPS_H_
