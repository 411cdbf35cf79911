// SPDX-License-Identifier: Apache-2.0
#include "coordinator/sqlite_groups.h"

#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/sqlite_rows.h"

namespace cohort::coordinator {
namespace {

// kFirstEvaluationGroup: training groups have ids below it.
#define COHORT_FIRST_EVALUATION_GROUP "4503599627370496"
static_assert(kFirstEvaluationGroup == 4503599627370496);

// The ids are found in one index, put in order and cut before a row is read. `INDEX` and `TERMS` speak of the groups
// `listed` and of nothing that the index does not hold; `MORE` is about their rows.
#define COHORT_LIST_GROUPS(INDEX, TERMS, MORE)                                                   \
  "SELECT " COHORT_GROUP_COLUMNS                                                                 \
  " FROM groups WHERE job = ?1 AND group_id IN (SELECT listed.group_id FROM groups AS "          \
  "listed " INDEX " " MORE                                                                       \
  " WHERE listed.job = ?1 AND listed.group_id > ?2 AND listed.step BETWEEN ?3 AND ?4 AND " TERMS \
  " ORDER BY listed.group_id LIMIT ?5) ORDER BY group_id"

// One of two literals: all groups, or the closed ones.
#define COHORT_CHOOSE_LIST(ONLY_CLOSED, INDEX, TERMS)                                                           \
  ((ONLY_CLOSED) ? std::string_view(COHORT_LIST_GROUPS(                                                         \
                       INDEX, TERMS,                                                                            \
                       "CROSS JOIN groups AS whole ON whole.job = ?1 AND whole.group_id = listed.group_id AND " \
                       "whole.is_closed = 1"))                                                                  \
                 : std::string_view(COHORT_LIST_GROUPS(INDEX, TERMS, "")))

// The narrowest index that the filter allows. Said here rather than guessed by SQLite, whose guess needs statistics.
std::string_view ListSql(const GroupFilter& filter) {
  const bool closed = filter.only_closed;
  if (filter.problem_id.has_value()) {
    // Few groups, so that their rows may be looked at.
    return COHORT_CHOOSE_LIST(closed, "INDEXED BY groups_by_problem",
                              "listed.problem_id = ?7 AND (?6 = 0 OR listed.purpose = ?6) AND (?8 = 0 OR "
                              "listed.length_bytes > 0)");
  }
  if (filter.only_with_payload) {
    return COHORT_CHOOSE_LIST(closed, "INDEXED BY payload_groups",
                              "listed.length_bytes > 0 AND (?6 = 0 OR listed.purpose = ?6)");
  }
  const bool is_any = filter.purpose == cohort::v1::GROUP_PURPOSE_UNSPECIFIED;
  const bool has_steps = filter.first_step.has_value() || filter.last_step.has_value();
  if (has_steps && is_any) {
    return COHORT_CHOOSE_LIST(closed, "INDEXED BY groups_by_step", "listed.purpose IN (1, 2, 3) AND ?6 = 0");
  }
  // In order of id they are the first rows of the job; COHORT_FIRST_EVALUATION_GROUP ends them.
  if (!has_steps && filter.purpose == cohort::v1::GROUP_PURPOSE_TRAIN) {
    return COHORT_CHOOSE_LIST(closed, "NOT INDEXED",
                              "listed.purpose = ?6 AND listed.group_id < " COHORT_FIRST_EVALUATION_GROUP);
  }
  if (!is_any) return COHORT_CHOOSE_LIST(closed, "INDEXED BY groups_by_step", "listed.purpose = ?6");
  return COHORT_CHOOSE_LIST(closed, "NOT INDEXED", "?6 = 0");
}

constexpr GroupState kFirstClosed = GroupState::kTrained;

// The columns of a row in the order of COHORT_GROUP_COLUMNS, behind the job and before is_closed: ?1 to ?23.
absl::Status RunWith(std::string_view job, const GroupRecord& group, std::string_view planned, SqliteStatement put) {
  put.BindText(job).Bind(group.group_id).Bind(int64_t{group.purpose}).BindText(group.evaluation_run);
  put.Bind(group.problem_id).Bind(group.epoch).Bind(group.step).Bind(group.policy_version);
  put.Bind(static_cast<int64_t>(group.state)).Bind(int64_t{group.attempt}).Bind(int64_t{group.failed_attempts});
  put.BindText(group.drop_reason).Bind(group.scored_epoch).Bind(int64_t{group.scored_attempt});
  put.Bind(group.location.segment).Bind(group.location.offset_bytes).Bind(group.location.length_bytes);
  put.Bind(int64_t{group.location.crc}).BindBlob(planned).Bind(group.outcome.num_truncated);
  put.Bind(group.outcome.generation_begin_seconds).Bind(group.outcome.generation_end_seconds);
  return put.Bind(int64_t{group.state >= kFirstClosed}).Run();
}

// What is in no index.
#define COHORT_SET_UNINDEXED                                                                   \
  "policy_version = ?8, state = ?9, attempt = ?10, failed_attempts = ?11, drop_reason = ?12, " \
  "scored_epoch = ?13, scored_attempt = ?14, crc = ?18, planned = ?19, num_truncated = ?20, "  \
  "generation_begin = ?21, generation_end = ?22"
#define COHORT_SET_LOCATION "segment = ?15, offset_bytes = ?16, length_bytes = ?17"
#define COHORT_SAME_LOCATION " AND segment = ?15 AND offset_bytes = ?16 AND length_bytes = ?17"
#define COHORT_SAME_GROUP \
  " WHERE job = ?1 AND group_id = ?2 AND purpose = ?3 AND evaluation_run = ?4 AND problem_id = ?5 AND epoch = ?6"

// Of a group that is there: SQLite writes every index of which a column is set, whether it changes or not.
constexpr std::string_view kUpdateInPlace = "UPDATE groups SET " COHORT_SET_UNINDEXED COHORT_SAME_GROUP
                                            " AND step = ?7 AND is_closed = ?23" COHORT_SAME_LOCATION;
constexpr std::string_view kUpdateLocation =
    "UPDATE groups SET " COHORT_SET_UNINDEXED ", " COHORT_SET_LOCATION COHORT_SAME_GROUP
    " AND step = ?7 AND is_closed = ?23";
constexpr std::string_view kClose = "UPDATE groups SET " COHORT_SET_UNINDEXED ", is_closed = ?23" COHORT_SAME_GROUP
                                    " AND step = ?7 AND is_closed <> ?23" COHORT_SAME_LOCATION;
constexpr std::string_view kUpdateAll =
    "UPDATE groups SET " COHORT_SET_UNINDEXED ", " COHORT_SET_LOCATION ", step = ?7, is_closed = ?23" COHORT_SAME_GROUP;
#define COHORT_INSERT_INTO_GROUPS                                       \
  " INTO groups (job, " COHORT_GROUP_COLUMNS                            \
  ", is_closed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, " \
  "?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)"
constexpr std::string_view kInsert = "INSERT OR IGNORE" COHORT_INSERT_INTO_GROUPS;
constexpr std::string_view kReplace = "INSERT OR REPLACE" COHORT_INSERT_INTO_GROUPS;

// The one that fits most often.
std::string_view LikelySql(const GroupRecord& group) {
  if (group.state == GroupState::kWaiting && group.attempt == 0) return kInsert;
  if (group.state == GroupState::kScored) return kUpdateLocation;
  if (group.state < kFirstClosed) return kUpdateInPlace;
  return group.location.length_bytes == 0 && group.scored_attempt > 0 ? kUpdateLocation : kClose;
}

absl::StatusOr<int64_t> ReadAggregate(SqliteStatement& row) {
  COHORT_ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return absl::InternalError("store: an aggregate without a row");
  return row.Int();
}

}  // namespace

absl::Status PutGroup(SqliteDatabase* database, std::string_view job, const GroupRecord& group) {
  const std::string planned = group.outcome.planned.SerializeAsString();
  for (const std::string_view sql : {LikelySql(group), kUpdateAll, kReplace}) {
    COHORT_ASSIGN_OR_RETURN(auto put, database->Prepare(sql));
    COHORT_RETURN_IF_ERROR(RunWith(job, group, planned, std::move(put)));
    if (database->NumChanges() > 0) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<GroupRecord>> ListOpenGroups(SqliteDatabase* database, std::string_view job) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT " COHORT_GROUP_COLUMNS
                                                      " FROM groups INDEXED BY open_groups WHERE job = ? AND "
                                                      "is_closed = 0 ORDER BY group_id"));
  return ReadAllRows<GroupRecord>(row.BindText(job), ReadGroupRow);
}

absl::StatusOr<int64_t> CountTrainingGroups(SqliteDatabase* database, std::string_view job, int64_t step) {
  COHORT_ASSIGN_OR_RETURN(auto row, database->Prepare("SELECT COUNT(*) FROM groups INDEXED BY groups_by_step "
                                                      "WHERE job = ? AND purpose = 1 AND step = ?"));
  return ReadAggregate(row.BindText(job).Bind(step));
}

absl::StatusOr<int64_t> LargestTrainingGroup(SqliteDatabase* database, std::string_view job) {
  COHORT_ASSIGN_OR_RETURN(
      auto row, database->Prepare("SELECT group_id FROM groups NOT INDEXED WHERE job = ? AND purpose = 1 AND group_id "
                                  "< " COHORT_FIRST_EVALUATION_GROUP " ORDER BY group_id DESC LIMIT 1"));
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
  row.Bind(int64_t{filter.limit}).Bind(int64_t{filter.purpose});
  if (filter.problem_id.has_value()) row.Bind(*filter.problem_id).Bind(int64_t{filter.only_with_payload});
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
