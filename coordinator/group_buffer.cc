// SPDX-License-Identifier: Apache-2.0
#include "coordinator/group_buffer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status_macros.h"

namespace cohort::coordinator {
namespace {

// A group in this state is in none of the orders.
constexpr GroupState kNotHere = GroupState::kDropped;

bool IsUnscored(GroupState state) { return state == GroupState::kWaiting || state == GroupState::kInFlight; }

bool IsUnplanned(GroupState state) { return IsUnscored(state) || state == GroupState::kScored; }

bool HoldsSlot(const GroupRecord& group) { return group.purpose == cohort::v1::GROUP_PURPOSE_TRAIN; }

std::tuple<int64_t, int64_t, int64_t> ArrivalOf(const GroupRecord& group) {
  return {group.location.segment, group.location.offset_bytes, group.group_id};
}

}  // namespace

absl::Status GroupBuffer::Admit(GroupRecord group) {
  if (groups_.count(group.group_id) > 0) {
    return absl::AlreadyExistsError(absl::StrCat("group already admitted (", group.group_id, ")"));
  }
  if (HoldsSlot(group) && num_used_slots_ >= num_slots_) {
    return absl::ResourceExhaustedError(absl::StrCat("no free slot (", num_slots_, ")"));
  }
  if (HoldsSlot(group)) ++num_used_slots_;
  const GroupState state = group.state;
  GroupRecord* admitted = &groups_.emplace(group.group_id, std::move(group)).first->second;
  ++CountOf(state);
  Reorder(admitted, kNotHere, state);
  return absl::OkStatus();
}

const GroupRecord* GroupBuffer::Find(int64_t group_id) const {
  const auto it = groups_.find(group_id);
  return it == groups_.end() ? nullptr : &it->second;
}

const GroupRecord* GroupBuffer::NextWaiting(const std::set<int64_t>& versions,
                                            const std::function<bool(int64_t group_id)>& is_skipped) const {
  for (const int64_t version : versions) {
    for (auto it = waiting_.lower_bound({version, 0}); it != waiting_.end() && it->first.first == version; ++it) {
      if (is_skipped == nullptr || !is_skipped(it->second->group_id)) return it->second;
    }
  }
  return nullptr;
}

absl::Status GroupBuffer::Claim(int64_t group_id) {
  COHORT_ASSIGN_OR_RETURN(GroupRecord * group, FindInState(group_id, {GroupState::kWaiting}));
  ++group->attempt;
  Move(group, GroupState::kInFlight);
  return absl::OkStatus();
}

absl::Status GroupBuffer::Return(int64_t group_id, bool is_failure) {
  COHORT_ASSIGN_OR_RETURN(GroupRecord * group, FindInState(group_id, {GroupState::kInFlight}));
  if (is_failure) ++group->failed_attempts;
  Move(group, GroupState::kWaiting);
  return absl::OkStatus();
}

absl::Status GroupBuffer::SetScored(const GroupRecord& scored) {
  COHORT_ASSIGN_OR_RETURN(GroupRecord * group,
                          FindInState(scored.group_id, {GroupState::kInFlight, GroupState::kWaiting}));
  group->scored_epoch = scored.scored_epoch;
  group->scored_attempt = scored.scored_attempt;
  group->location = scored.location;
  group->outcome = scored.outcome;
  Move(group, GroupState::kScored);
  return absl::OkStatus();
}

absl::Status GroupBuffer::SetPlanned(int64_t group_id, int64_t step) {
  COHORT_ASSIGN_OR_RETURN(GroupRecord * group, FindInState(group_id, {GroupState::kScored}));
  group->step = step;
  Move(group, GroupState::kPlanned);
  return absl::OkStatus();
}

absl::Status GroupBuffer::Finish(int64_t group_id) {
  COHORT_ASSIGN_OR_RETURN(GroupRecord * group, FindInState(group_id, {GroupState::kPlanned, GroupState::kScored}));
  Erase(group);
  return absl::OkStatus();
}

absl::Status GroupBuffer::Drop(int64_t group_id) {
  COHORT_ASSIGN_OR_RETURN(GroupRecord * group,
                          FindInState(group_id, {GroupState::kWaiting, GroupState::kInFlight, GroupState::kScored}));
  Erase(group);
  return absl::OkStatus();
}

std::vector<const GroupRecord*> GroupBuffer::GroupsOfStep(int64_t step) const {
  std::vector<const GroupRecord*> groups;
  for (const auto& [id, group] : groups_) {
    if (HoldsSlot(group) && group.step == step) groups.push_back(&group);
  }
  return groups;
}

std::vector<const GroupRecord*> GroupBuffer::FirstArrived(int64_t count) const {
  std::vector<const GroupRecord*> groups;
  for (auto it = arrived_.begin(); it != arrived_.end() && static_cast<int64_t>(groups.size()) < count; ++it) {
    groups.push_back(Find(std::get<2>(*it)));
  }
  return groups;
}

std::vector<const GroupRecord*> GroupBuffer::UnplannedOfVersions(int64_t first, int64_t last) const {
  std::vector<const GroupRecord*> groups;
  for (auto it = unplanned_.lower_bound({first, 0}); it != unplanned_.end() && it->first < last; ++it) {
    groups.push_back(Find(it->second));
  }
  return groups;
}

std::vector<const GroupRecord*> GroupBuffer::EvaluationGroups() const {
  std::vector<const GroupRecord*> groups;
  for (const auto& [id, group] : groups_) {
    if (!HoldsSlot(group)) groups.push_back(&group);
  }
  return groups;
}

std::optional<int64_t> GroupBuffer::OldestUnscoredVersion() const {
  if (unscored_.empty()) return std::nullopt;
  return unscored_.begin()->first;
}

int64_t GroupBuffer::NumInState(GroupState state) const { return counts_[static_cast<size_t>(state)]; }

absl::StatusOr<GroupRecord*> GroupBuffer::FindInState(int64_t group_id, std::initializer_list<GroupState> states) {
  const auto it = groups_.find(group_id);
  if (it == groups_.end()) return absl::NotFoundError(absl::StrCat("group not found (", group_id, ")"));
  if (std::find(states.begin(), states.end(), it->second.state) == states.end()) {
    return absl::FailedPreconditionError(
        absl::StrCat("group ", group_id, " is in another state (", static_cast<int>(it->second.state), ")"));
  }
  return &it->second;
}

void GroupBuffer::Move(GroupRecord* group, GroupState state) {
  Reorder(group, group->state, state);
  --CountOf(group->state);
  group->state = state;
  ++CountOf(state);
}

void GroupBuffer::Reorder(GroupRecord* group, GroupState from, GroupState to) {
  const Key key(group->policy_version, group->group_id);
  const auto update = [](bool was_in, bool is_in, const auto& entry, auto* order) {
    if (was_in && !is_in) order->erase(entry);
    if (!was_in && is_in) order->insert(entry);
  };
  update(IsUnscored(from), IsUnscored(to), key, &unscored_);
  if (from == GroupState::kWaiting) waiting_.erase(key);
  if (to == GroupState::kWaiting) waiting_.emplace(key, group);
  if (!HoldsSlot(*group)) return;
  update(IsUnplanned(from), IsUnplanned(to), key, &unplanned_);
  update(from == GroupState::kScored, to == GroupState::kScored, ArrivalOf(*group), &arrived_);
}

void GroupBuffer::Erase(GroupRecord* group) {
  --CountOf(group->state);
  if (HoldsSlot(*group)) --num_used_slots_;
  Reorder(group, group->state, kNotHere);
  groups_.erase(group->group_id);
}

}  // namespace cohort::coordinator
