// SPDX-License-Identifier: Apache-2.0
// Which groups come and go besides those that are trained: planning by arrival, and what a replay that diverged takes
// back.
#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status_macros.h"
#include "coordinator/job_groups.h"
#include "coordinator/rollout_schedule.h"

namespace cohort::coordinator {
namespace {

constexpr int kGroupsPerRead = 1000;

}  // namespace

int64_t JobGroups::NextStep() const {
  // Groups are planned from the plan of the newest version until it is committed, and at no other time.
  const bool is_planned = buffer_.NumInState(GroupState::kPlanned) > 0;
  return ledger_->job().policy_version() + (is_planned ? 1 : 0);
}

std::vector<GroupRecord> JobGroups::StaleGroups() const {
  std::vector<GroupRecord> stale;
  if (!is_by_arrival_) return stale;
  const int64_t lag = LagOf(ledger_->spec().rlvr().rollout());
  const int64_t step = NextStep();
  for (const GroupRecord* group : buffer_.UnplannedOfVersions(0, step - lag)) {
    stale.push_back(Dropped(*group, absl::StrCat("stale: sampled by version ", group->policy_version, ", step ", step,
                                                 " takes at least ", step - lag)));
  }
  return stale;
}

std::vector<GroupRecord> JobGroups::GroupsForFreeSlots(int64_t num_dropped) const {
  const cohort::v1::JobSpec& spec = ledger_->spec();
  const int64_t version = ledger_->job().policy_version();
  const int64_t step = NextStep();
  // While ranks replay, or between commit and publish, the newest version is about to come.
  const bool is_usable = version >= step - LagOf(spec.rlvr().rollout());
  if (!is_by_arrival_ || policies_.Find(version) == nullptr || !is_usable) return {};
  const int64_t num_needed = (spec.training().num_steps() - step) * spec.rlvr().rollout().groups_per_step();
  const int64_t num_wanted = num_needed - (buffer_.NumUnplanned() - num_dropped);
  const int64_t num_free = buffer_.num_free_slots() + num_dropped;
  return NextTrainingGroups(kNoStep, version, next_position_, std::min(num_free, num_wanted));
}

std::vector<GroupRecord> JobGroups::SurplusGroups() const {
  std::vector<GroupRecord> surplus;
  for (const GroupRecord* group : buffer_.UnplannedOfVersions(0, std::numeric_limits<int64_t>::max())) {
    surplus.push_back(Dropped(*group, "surplus: all steps are done"));
  }
  return surplus;
}

int64_t JobGroups::NumErrored(int64_t step) const {
  const auto it = num_errored_.find(step);
  return it == num_errored_.end() ? 0 : it->second;
}

JobGroups::Divergence JobGroups::DivergedFrom(int64_t version) const {
  Divergence divergence;
  std::map<int64_t, std::pair<int64_t, int64_t>> lost;  // step -> (version, groups)
  for (const GroupRecord* group : buffer_.UnplannedOfVersions(version, std::numeric_limits<int64_t>::max())) {
    divergence.dropped.push_back(
        Dropped(*group, absl::StrCat("diverged: a replay of version ", version, " had other weights")));
    lost[group->step].first = group->policy_version;
    ++lost[group->step].second;
  }
  int64_t position = next_position_;
  for (const auto& [step, groups] : lost) {
    if (is_by_arrival_) break;
    for (GroupRecord& group : NextTrainingGroups(step, groups.first, position, groups.second)) {
      divergence.admitted.push_back(std::move(group));
    }
    position += groups.second;
  }
  for (const GroupRecord* group : buffer_.EvaluationGroups()) {
    if (group->policy_version < version) continue;
    GroupRecord& again = divergence.sampled_again.emplace_back(*group);
    again.state = GroupState::kWaiting;
    again.location = {};
    again.outcome = {};
    again.scored_epoch = context_->epoch;
    again.scored_attempt = group->attempt;
  }
  return divergence;
}

absl::Status JobGroups::Apply(const Divergence& divergence) {
  COHORT_RETURN_IF_ERROR(Drop(divergence.dropped, "diverged"));
  for (const GroupRecord& again : divergence.sampled_again) {
    COHORT_RETURN_IF_ERROR(buffer_.Drop(again.group_id));
    EndLease(again.group_id);
    COHORT_RETURN_IF_ERROR(buffer_.Admit(again));
  }
  // What had been counted is sampled again.
  if (!divergence.sampled_again.empty()) evaluation_.reset();
  return Admit(divergence.admitted);
}

GroupRecord JobGroups::Dropped(const GroupRecord& group, const std::string& reason) const {
  GroupRecord dropped = group;
  dropped.state = GroupState::kDropped;
  dropped.drop_reason = reason;
  if (dropped.step == kNoStep) dropped.step = NextStep();
  return dropped;
}

void JobGroups::EndLease(int64_t group_id) {
  failed_attempts_.erase(group_id);
  const std::string worker = leases_.WorkerOf(group_id);
  if (worker.empty()) return;
  leases_.End(group_id);
  context_->workers->EndProbe(worker);
}

absl::Status JobGroups::CountErrored() {
  GroupFilter filter = {.first_step = NextStep(),
                        .purpose = cohort::v1::GROUP_PURPOSE_TRAIN,
                        .only_closed = true,
                        .limit = kGroupsPerRead};
  while (true) {
    COHORT_ASSIGN_OR_RETURN(const auto groups, context_->store->ListGroups(ledger_->name(), filter));
    for (const GroupRecord& group : groups) {
      if (absl::StartsWith(group.drop_reason, kErroredPrefix)) ++num_errored_[group.step];
    }
    if (static_cast<int>(groups.size()) < kGroupsPerRead) return absl::OkStatus();
    filter.after_id = groups.back().group_id;
  }
}

}  // namespace cohort::coordinator
