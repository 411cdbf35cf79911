// SPDX-License-Identifier: Apache-2.0
#include "coordinator/rollout_browser.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/field_error.h"
#include "common/status_macros.h"
#include "coordinator/page_token.h"
#include "coordinator/resource_name.h"
#include "coordinator/rollout_filter.h"
#include "coordinator/rollout_page.h"
#include "coordinator/storage_trouble.h"

namespace cohort::coordinator {
namespace {

constexpr int kDefaultPageSize = 10;
constexpr int kMaxPageSize = 100;
// One call: rows of groups, and bytes of the log. What the filter leaves out costs a row, not its rollouts.
constexpr int kMaxGroupsLookedAt = 4096;
constexpr int64_t kMaxLogBytes = int64_t{64} << 20;
constexpr int kGroupsPerRead = 256;

struct Position {
  int64_t group_id = 0;
  int first_rollout = 0;  // of the group that is still to come
};

std::string QueryAt(const std::string& query, int first_rollout) { return absl::StrCat(query, " ", first_rollout); }

// "<first_rollout>.<page token of the group>".
std::string EncodePosition(const std::string& query, const Position& position) {
  return absl::StrCat(position.first_rollout, ".",
                      EncodePageToken(QueryAt(query, position.first_rollout), position.group_id + 1));
}

absl::StatusOr<Position> DecodePosition(const std::string& query, const std::string& token) {
  Position position;
  if (token.empty()) return position;
  const size_t dot = token.find('.');
  if (dot == std::string::npos || !absl::SimpleAtoi(token.substr(0, dot), &position.first_rollout) ||
      position.first_rollout < 0) {
    return common::InvalidField("page_token", token, "is not a token of this service");
  }
  COHORT_ASSIGN_OR_RETURN(const int64_t number,
                          DecodePageToken(QueryAt(query, position.first_rollout), token.substr(dot + 1)));
  position.group_id = number - 1;
  return position;
}

GroupFilter RowsOf(const cohort::v1::RolloutFilter& filter) {
  GroupFilter rows{.purpose = filter.purpose(), .limit = kGroupsPerRead};
  if (filter.has_first_step()) rows.first_step = filter.first_step();
  if (filter.has_last_step()) rows.last_step = filter.last_step();
  if (filter.has_problem_id()) rows.problem_id = filter.problem_id();
  return rows;
}

std::string Fate(const GroupRecord& group) {
  switch (group.state) {
    case GroupState::kWaiting:
    case GroupState::kInFlight:
      return "waiting";
    case GroupState::kScored:
      return "scored";
    case GroupState::kPlanned:
      return "planned";
    case GroupState::kTrained:
      return "trained";
    case GroupState::kDropped:
      return absl::StrCat("dropped: ", group.drop_reason);
    case GroupState::kEvaluated:
      return "evaluated";
  }
  return "";
}

bool IsReleased(const GroupRecord& group) {
  return group.state >= GroupState::kScored && group.scored_attempt > 0 && group.location.length_bytes == 0;
}

// Prompt and ground truth, where the dataset is still what it was.
void AddProblem(const JobData* data, const GroupRecord& group, cohort::v1::StoredRollouts* stored) {
  if (data == nullptr) return;
  const bool is_evaluation = group.purpose == cohort::v1::GROUP_PURPOSE_EVALUATE;
  const Dataset* const dataset = is_evaluation ? data->evaluation.get() : data->train.get();
  if (dataset == nullptr) return;
  const auto problem = dataset->ReadProblem(group.problem_id);
  if (!problem.ok()) return;
  stored->set_prompt(problem->prompt());
  stored->set_answer(problem->answer());
}

// The group with the completions that the filter leaves. Nullopt when its payload was released meanwhile.
absl::StatusOr<std::optional<cohort::v1::RolloutGroup>> ReadGroup(const CoordinatorContext& context,
                                                                  const GroupRecord& group,
                                                                  const cohort::v1::ListRolloutsRequest& request) {
  auto read = context.log->Read(group.location);
  if (!read.ok()) {
    const auto now = context.store->GetGroups(request.parent(), {group.group_id});
    if (now.ok() && IsReleased(now->front())) return std::nullopt;
    return ReadTrouble("read the rollout log", read.status());
  }
  cohort::v1::RolloutGroup selected = *std::move(read);
  if (request.text_only()) KeepTextOnly(&selected);
  auto& rollouts = *selected.mutable_rollouts();
  int num_kept = 0;
  for (int i = 0; i < rollouts.size(); ++i) {
    if (IsSelected(rollouts[i], request.filter())) rollouts.SwapElements(num_kept++, i);
  }
  rollouts.DeleteSubrange(num_kept, rollouts.size() - num_kept);
  if (request.timings_only()) KeepTimingsOnly(&selected);
  return selected;
}

}  // namespace

absl::StatusOr<cohort::v1::ListRolloutsResponse> RolloutBrowser::List(const cohort::v1::ListRolloutsRequest& request) {
  COHORT_RETURN_IF_ERROR(CheckJobName(request.parent(), "parent"));
  COHORT_ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size(), kDefaultPageSize, kMaxPageSize));
  COHORT_RETURN_IF_ERROR(common::PrefixField(CheckRolloutFilter(request.filter()), "filter"));
  const std::string query = PageQuery(request);
  COHORT_ASSIGN_OR_RETURN(Position position, DecodePosition(query, request.page_token()));
  const auto job = context_->store->GetJob(request.parent());
  if (!job.ok()) return ReadTrouble("find the job", job.status());

  RolloutPage page(page_size);
  const auto stop_here = [&] {
    cohort::v1::ListRolloutsResponse response = page.Take();
    response.set_next_page_token(EncodePosition(query, position));
    return response;
  };
  std::shared_ptr<const JobData> data;
  GroupFilter rows = RowsOf(request.filter());
  int64_t num_log_bytes = 0;
  for (int num_looked_at = 0; num_looked_at < kMaxGroupsLookedAt; num_looked_at += kGroupsPerRead) {
    rows.after_id = position.group_id - 1;
    const auto groups = context_->store->ListGroups(request.parent(), rows);
    if (!groups.ok()) return ReadTrouble("list groups", groups.status());
    for (const GroupRecord& group : *groups) {
      if (group.group_id != position.group_id) position = {.group_id = group.group_id};
      const bool has_payload = group.location.length_bytes > 0;
      if (has_payload && HasSelected(group.outcome, request.filter())) {
        if (page.IsFull() || num_log_bytes > kMaxLogBytes) return stop_here();
        num_log_bytes += group.location.length_bytes;
        COHORT_ASSIGN_OR_RETURN(auto read, ReadGroup(*context_, group, request));
        if (!read.has_value()) {
          page.CountReleased();
        } else {
          cohort::v1::StoredRollouts stored;
          *stored.mutable_group() = *std::move(read);
          stored.set_step(group.step);
          stored.set_fate(Fate(group));
          if (request.timings_only()) {
            if (!page.AddWhole(std::move(stored))) return stop_here();
          } else {
            if (data == nullptr) data = datasets_.DataOf(*job);
            AddProblem(data.get(), group, &stored);
            position.first_rollout = page.Add(stored, position.first_rollout);
            if (position.first_rollout < stored.group().rollouts_size()) return stop_here();
          }
        }
      } else if (IsReleased(group)) {
        page.CountReleased();
      }
      position = {.group_id = group.group_id + 1};
    }
    if (static_cast<int>(groups->size()) < kGroupsPerRead) return page.Take();
  }
  return stop_here();
}

}  // namespace cohort::coordinator
