// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sqlite_rows.h"

namespace cohort::coordinator {

absl::StatusOr<JobRecord> ReadJobRow(SqliteStatement& row) {
  JobRecord record;
  record.sequence = row.Int();
  COHORT_ASSIGN_OR_RETURN(record.job, ParseRow<cohort::v1::Job>(row.Bytes()));
  record.request_id = row.Bytes();
  record.request_digest = row.Bytes();
  record.model_path = row.Bytes();
  record.incarnation = row.Int();
  record.data_digest = row.Bytes();
  return record;
}

absl::StatusOr<GroupRecord> ReadGroupRow(SqliteStatement& row) {
  GroupRecord group;
  group.group_id = row.Int();
  group.purpose = static_cast<cohort::v1::GroupPurpose>(row.Int());
  group.evaluation_run = row.Bytes();
  group.problem_id = row.Int();
  group.epoch = row.Int();
  group.step = row.Int();
  group.policy_version = row.Int();
  group.state = static_cast<GroupState>(row.Int());
  group.attempt = static_cast<int32_t>(row.Int());
  group.failed_attempts = static_cast<int32_t>(row.Int());
  group.drop_reason = row.Bytes();
  group.scored_epoch = row.Int();
  group.scored_attempt = static_cast<int32_t>(row.Int());
  group.location.segment = row.Int();
  group.location.offset_bytes = row.Int();
  group.location.length_bytes = row.Int();
  group.location.crc = static_cast<uint32_t>(row.Int());
  COHORT_ASSIGN_OR_RETURN(group.outcome.planned, ParseRow<cohort::v1::PlannedGroup>(row.Bytes()));
  group.outcome.num_truncated = row.Int();
  group.outcome.generation_begin_seconds = row.Double();
  group.outcome.generation_end_seconds = row.Double();
  return group;
}

absl::Status PutJob(SqliteDatabase* database, std::string_view name, const JobRecord& record) {
  COHORT_ASSIGN_OR_RETURN(auto put,
                          database->Prepare("UPDATE jobs SET state = ?, job = ?, incarnation = ? WHERE name = ?"));
  put.Bind(int64_t{record.job.state()}).BindBlob(record.job.SerializeAsString());
  return put.Bind(record.incarnation).BindText(name).Run();
}

absl::Status PutEvent(SqliteDatabase* database, std::string_view job, const cohort::v1::JobEvent& event) {
  COHORT_ASSIGN_OR_RETURN(auto put, database->Prepare("INSERT INTO events VALUES (?, ?, ?)"));
  COHORT_RETURN_IF_ERROR(put.BindText(job).Bind(event.sequence()).BindBlob(event.SerializeAsString()).Run());
  return PutStepEvent(database, job, event);
}

absl::Status PutStepEvent(SqliteDatabase* database, std::string_view job, const cohort::v1::JobEvent& event) {
  if (!event.has_step()) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(auto put, database->Prepare("INSERT OR REPLACE INTO step_events VALUES (?, ?, ?)"));
  return put.BindText(job).Bind(event.step().policy_version()).Bind(event.sequence()).Run();
}

}  // namespace cohort::coordinator
