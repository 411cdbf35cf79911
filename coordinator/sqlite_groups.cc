// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sqlite_groups.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/sqlite_rows.h"

namespace cohort::coordinator {
namespace {

// All take the same parameters. The ids are found in one index, put in order and cut before a row is read.
#define COHORT_LIST_GROUPS(SOURCE)                                                                                  \
  "SELECT " COHORT_GROUP_COLUMNS " FROM groups WHERE job = ?1 AND group_id IN (SELECT group_id FROM groups " SOURCE \
  " AND job = ?1 AND group_id > ?2 AND step BETWEEN ?3 AND ?4 AND (?5 = 0 OR length_bytes > 0) AND "                \
  "(?6 = 0 OR state >= 5) ORDER BY group_id LIMIT ?7) ORDER BY group_id"

#define COHORT_ANY_PURPOSE " AND (?8 = 0 OR purpose = ?8)"
#define COHORT_ANY_PROBLEM " AND (?9 IS NULL OR problem_id = ?9)"

// The narrowest index that the filter allows. Said here rather than guessed by SQLite, whose guess needs statistics.
std::string_view ListSql(const GroupFilter& filter) {
  if (filter.problem_id.has_value()) {
    return COHORT_LIST_GROUPS("INDEXED BY groups_by_problem WHERE problem_id = ?9" COHORT_ANY_PURPOSE);
  }
  if (filter.only_with_payload) {
    return COHORT_LIST_GROUPS("INDEXED BY payload_groups WHERE length_bytes > 0" COHORT_ANY_PURPOSE COHORT_ANY_PROBLEM);
  }
  const bool is_any = filter.purpose == cohort::v1::GROUP_PURPOSE_UNSPECIFIED;
  if (filter.first_step.has_value() || filter.last_step.has_value()) {
    if (!is_any) return COHORT_LIST_GROUPS("INDEXED BY groups_by_step WHERE purpose = ?8" COHORT_ANY_PROBLEM);
    return COHORT_LIST_GROUPS("INDEXED BY groups_by_step WHERE purpose IN (1, 2, 3) AND ?8 = 0" COHORT_ANY_PROBLEM);
  }
  if (filter.purpose == cohort::v1::GROUP_PURPOSE_TRAIN) {
    return COHORT_LIST_GROUPS("INDEXED BY training_ids WHERE purpose = 1 AND ?8 = 1" COHORT_ANY_PROBLEM);
  }
  if (!is_any) return COHORT_LIST_GROUPS("INDEXED BY groups_by_step WHERE purpose = ?8" COHORT_ANY_PROBLEM);
  return COHORT_LIST_GROUPS("WHERE ?8 = 0" COHORT_ANY_PROBLEM);
}

// What can change of a group; false when there is none like it.
absl::StatusOr<bool> UpdateGroup(SqliteDatabase* database, std::string_view job, const GroupRecord& group) {
  // What never changes is not set, so that its indexes are not written.
  COHORT_ASSIGN_OR_RETURN(
      auto put,
      database->Prepare(
          "UPDATE groups SET step = ?, policy_version = ?, state = ?, attempt = ?, failed_attempts = ?, "
          "drop_reason = ?, scored_epoch = ?, scored_attempt = ?, segment = ?, offset_bytes = ?, length_bytes = ?, "
          "crc = ?, planned = ?, num_truncated = ?, generation_begin = ?, generation_end = ? WHERE job = ? AND "
          "group_id = ? AND purpose = ? AND evaluation_run = ? AND problem_id = ? AND epoch = ? RETURNING 1"));
  put.Bind(group.step).Bind(group.policy_version).Bind(static_cast<int64_t>(group.state));
  put.Bind(int64_t{group.attempt}).Bind(int64_t{group.failed_attempts}).BindText(group.drop_reason);
  put.Bind(group.scored_epoch).Bind(int64_t{group.scored_attempt}).Bind(group.location.segment);
  put.Bind(group.location.offset_bytes).Bind(group.location.length_bytes).Bind(int64_t{group.location.crc});
  put.BindBlob(group.outcome.planned.SerializeAsString()).Bind(group.outcome.num_truncated);
  put.Bind(group.outcome.generation_begin_seconds).Bind(group.outcome.generation_end_seconds);
  put.BindText(job).Bind(group.group_id).Bind(int64_t{group.purpose}).BindText(group.evaluation_run);
  return put.Bind(group.problem_id).Bind(group.epoch).Step();
}

absl::StatusOr<int64_t> ReadAggregate(SqliteStatement& row) {
  COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return absl::InternalError("store: an aggregate without a row");
  return row.Int();
}

}  // namespace

absl::Status PutGroup(SqliteDatabase* database, std::string_view job, const GroupRecord& group) {
  COHORT_ASSIGN_OR_RETURN(const bool is_updated, UpdateGroup(database, job, group));
  if (is_updated) return absl::OkStatus();
  COHORT_ASSIGN_OR_RETURN(
      auto put, database->Prepare("INSERT OR REPLACE INTO groups (job, " COHORT_GROUP_COLUMNS
                                  ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  put.BindText(job).Bind(group.group_id).Bind(int64_t{group.purpose}).BindText(group.evaluation_run);
  put.Bind(group.problem_id).Bind(group.epoch).Bind(group.step).Bind(group.policy_version);
  put.Bind(static_cast<int64_t>(group.state)).Bind(int64_t{group.attempt}).Bind(int64_t{group.failed_attempts});
  put.BindText(group.drop_reason).Bind(group.scored_epoch).Bind(int64_t{group.scored_attempt});
  put.Bind(group.location.segment).Bind(group.location.offset_bytes).Bind(group.location.length_bytes);
  put.Bind(int64_t{group.location.crc}).BindBlob(group.outcome.planned.SerializeAsString());
  put.Bind(group.outcome.num_truncated).Bind(group.outcome.generation_begin_seconds);
  return put.Bind(group.outcome.generation_end_seconds).Run();
}

absl::StatusOr<std::vector<GroupRecord>> ListOpenGroups(SqliteDatabase* database, std::string_view job) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT " COHORT_GROUP_COLUMNS
                                                      " FROM groups INDEXED BY open_groups WHERE job = ? AND "
                                                      "state < 5 ORDER BY group_id"));
  return ReadAllRows<GroupRecord>(row.BindText(job), ReadGroupRow);
}

absl::StatusOr<int64_t> CountTrainingGroups(SqliteDatabase* database, std::string_view job, int64_t step) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT COUNT(*) FROM groups INDEXED BY groups_by_step "
                                                      "WHERE job = ? AND purpose = 1 AND step = ?"));
  return ReadAggregate(row.BindText(job).Bind(step));
}

absl::StatusOr<int64_t> LargestTrainingGroup(SqliteDatabase* database, std::string_view job) {
  COHORT_ASSIGN_OR_RETURN(
      auto row, database->Prepare("SELECT group_id FROM groups INDEXED BY training_ids WHERE job = ? AND purpose = 1 "
                                  "ORDER BY group_id DESC LIMIT 1"));
  COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(job).Step());
  return found ? row.Int() : int64_t{-1};
}

absl::StatusOr<std::vector<GroupRecord>> GetGroups(SqliteDatabase* database, std::string_view job,
                                                   const std::vector<int64_t>& group_ids) {
  std::vector<GroupRecord> groups;
  for (const int64_t id : group_ids) {
    COHORT_ASSIGN_OR_RETURN(
        auto row, database->Prepare("SELECT " COHORT_GROUP_COLUMNS " FROM groups WHERE job = ? AND group_id = ?"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.BindText(job).Bind(id).Step());
    if (!found) return absl::NotFoundError(absl::StrCat("group not found (", id, " of ", std::string(job), ")"));
    COHORT_ASSIGN_OR_RETURN(groups.emplace_back(), ReadGroupRow(row));
  }
  return groups;
}

absl::StatusOr<std::vector<GroupRecord>> ListGroups(SqliteDatabase* database, std::string_view job,
                                                    const GroupFilter& filter) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare(ListSql(filter)));
  row.BindText(job).Bind(filter.after_id);
  row.Bind(filter.first_step.value_or(std::numeric_limits<int64_t>::min()));
  row.Bind(filter.last_step.value_or(std::numeric_limits<int64_t>::max()));
  row.Bind(int64_t{filter.only_with_payload}).Bind(int64_t{filter.only_closed}).Bind(int64_t{filter.limit});
  row.Bind(int64_t{filter.purpose});
  // Unbound is NULL: any problem.
  if (filter.problem_id.has_value()) row.Bind(*filter.problem_id);
  return ReadAllRows<GroupRecord>(row, ReadGroupRow);
}

absl::StatusOr<int64_t> PayloadBytes(SqliteDatabase* database, std::string_view job) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT COALESCE(SUM(length_bytes), 0) FROM groups INDEXED BY "
                                                      "payload_groups WHERE job = ? AND length_bytes > 0"));
  return ReadAggregate(row.BindText(job));
}

absl::StatusOr<std::vector<int64_t>> SegmentsInUse(SqliteDatabase* database) {
  // From each segment straight to the next: a segment has thousands of groups.
  std::vector<int64_t> segments;
  for (int64_t last = -1;; last = segments.back()) {
    COHORT_ASSIGN_OR_RETURN(auto row,
                            database->Prepare("SELECT segment FROM groups INDEXED BY groups_by_location WHERE "
                                              "length_bytes > 0 AND segment > ? ORDER BY segment LIMIT 1"));
    COHORT_ASSIGN_OR_RETURN(const bool found, row.Bind(last).Step());
    if (!found) return segments;
    segments.push_back(row.Int());
  }
}

absl::StatusOr<rollout_log::RecordLocation> EndOfLog(SqliteDatabase* database) {
  COHORT_ASSIGN_OR_RETURN(
      auto row, database->Prepare("SELECT segment, offset_bytes, length_bytes, crc FROM groups INDEXED BY "
                                  "groups_by_location WHERE length_bytes > 0 ORDER BY segment DESC, offset_bytes DESC "
                                  "LIMIT 1"));
  COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
  rollout_log::RecordLocation end;
  if (!found) return end;
  end.segment = row.Int();
  end.offset_bytes = row.Int();
  end.length_bytes = row.Int();
  end.crc = static_cast<uint32_t>(row.Int());
  return end;
}

}  // namespace cohort::coordinator
