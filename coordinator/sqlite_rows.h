// SPDX-License-Identifier: Apache-2.0
#ifndef COHORT_COORDINATOR_SQLITE_ROWS_H_
#define COHORT_COORDINATOR_SQLITE_ROWS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/job_store.h"
#include "coordinator/sqlite_database.h"

// Rows of the store's tables and the records they hold. A reader takes the columns that its macro names, in that order.
#define COHORT_JOB_COLUMNS "sequence, job, request_id, request_digest, model_path, incarnation, data_digest"
#define COHORT_GROUP_COLUMNS                                                                                      \
  "group_id, purpose, evaluation_run, problem_id, epoch, step, policy_version, state, attempt, failed_attempts, " \
  "drop_reason, scored_epoch, scored_attempt, segment, offset_bytes, length_bytes, crc, planned, num_truncated, " \
  "generation_begin, generation_end"

namespace cohort::coordinator {

// DATA_LOSS names the message type.
template <typename Message>
absl::StatusOr<Message> ParseRow(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) {
    return absl::DataLossError(absl::StrCat("store: a ", Message::descriptor()->full_name(), " cannot be parsed"));
  }
  return message;
}

// All rows that are left, each by `read`.
template <typename T, typename Reader>
absl::StatusOr<std::vector<T>> ReadAllRows(SqliteStatement& row, Reader read) {
  std::vector<T> all;
  while (true) {
    COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return all;
    COHORT_ASSIGN_OR_RETURN(all.emplace_back(), read(row));
  }
}

absl::StatusOr<JobRecord> ReadJobRow(SqliteStatement& row);
absl::StatusOr<GroupRecord> ReadGroupRow(SqliteStatement& row);

// Replaces what can change of a job.
absl::Status PutJob(SqliteDatabase* database, std::string_view name, const JobRecord& record);
// ALREADY_EXISTS when the sequence is taken.
absl::Status PutEvent(SqliteDatabase* database, std::string_view job, const cohort::v1::JobEvent& event);
// The place of a step's event; of two for one version the newer is kept. Nothing for any other event.
absl::Status PutStepEvent(SqliteDatabase* database, std::string_view job, const cohort::v1::JobEvent& event);

}  // namespace cohort::coordinator

#endif  // COHORT_COORDINATOR_SQLITE_ROWS_H_
