// SPDX-License-Identifier: Apache-2.0
#include "coordinator/gang_registry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace cohort::coordinator {

void GangRegistry::BeginWait(const cohort::v1::JoinGangRequest& learner) {
  absl::MutexLock lock(&mutex_);
  Depart(learner.learner_id());
  Waiting& waiting = waiting_[learner.learner_id()];
  waiting.learner = learner;
  ++waiting.num_calls;
}

std::optional<GangPlace> GangRegistry::EndWait(std::string_view learner_id) {
  absl::MutexLock lock(&mutex_);
  const auto it = waiting_.find(learner_id);
  // A second call of the same learner may still wait when the first one ends.
  if (it != waiting_.end() && --it->second.num_calls == 0) waiting_.erase(it);
  return PlaceOf(learner_id);
}

bool GangRegistry::HasPlace(std::string_view learner_id) const {
  absl::MutexLock lock(&mutex_);
  return PlaceOf(learner_id).has_value();
}

int64_t GangRegistry::NumWaiting() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int64_t>(std::count_if(waiting_.begin(), waiting_.end(), [this](const auto& entry) {
    mutex_.AssertReaderHeld();
    return !PlaceOf(entry.first).has_value();
  }));
}

bool GangRegistry::Form(std::string_view job, int32_t world_size, int64_t incarnation, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  if (gangs_.count(job) > 0) return false;
  Gang gang{.incarnation = incarnation};
  for (const auto& [id, waiting] : waiting_) {
    if (static_cast<int32_t>(gang.members.size()) == world_size) break;
    if (PlaceOf(id).has_value()) continue;
    if (gang.members.empty()) gang.store_address = waiting.learner.store_address();
    gang.members.push_back({.learner_id = id, .last_heard = now});
  }
  if (static_cast<int32_t>(gang.members.size()) < world_size) return false;
  gangs_.emplace(std::string(job), std::move(gang));
  return true;
}

absl::Status GangRegistry::Hear(std::string_view job, int64_t incarnation, int32_t rank, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  const auto it = gangs_.find(job);
  const bool is_member = it != gangs_.end() && it->second.over_reason.empty() &&
                         it->second.incarnation == incarnation && rank >= 0 &&
                         rank < static_cast<int32_t>(it->second.members.size());
  if (!is_member) {
    return absl::AbortedError(
        absl::StrCat("the gang was dissolved, join again (", std::string(job), " incarnation ", incarnation, ")"));
  }
  it->second.members[rank].last_heard = now;
  return absl::OkStatus();
}

void GangRegistry::SetStopping(std::string_view job) {
  absl::MutexLock lock(&mutex_);
  const auto it = gangs_.find(job);
  if (it != gangs_.end()) it->second.is_stopping = true;
}

bool GangRegistry::HasGang(std::string_view job) const {
  absl::MutexLock lock(&mutex_);
  return gangs_.count(job) > 0;
}

std::vector<LostGang> GangRegistry::TakeLost(absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  std::vector<LostGang> lost;
  for (auto it = gangs_.begin(); it != gangs_.end();) {
    Gang& gang = it->second;
    bool all_left = true;
    for (size_t rank = 0; rank < gang.members.size(); ++rank) {
      Member& member = gang.members[rank];
      const bool is_silent = !member.has_left && now - member.last_heard >= silence_;
      if (is_silent) member.has_left = true;
      if (is_silent && !gang.is_stopping && gang.over_reason.empty()) {
        gang.over_reason = absl::StrCat("rank ", rank, " (", member.learner_id, ") was silent for ",
                                        absl::FormatDuration(now - member.last_heard));
      }
      all_left = all_left && member.has_left;
    }
    if (all_left && gang.over_reason.empty()) gang.over_reason = "all ranks stopped as planned";
    if (gang.over_reason.empty()) {
      ++it;
      continue;
    }
    lost.push_back({.job = it->first, .incarnation = gang.incarnation, .reason = gang.over_reason});
    it = gangs_.erase(it);
  }
  return lost;
}

void GangRegistry::Depart(std::string_view learner_id) {
  for (auto& [job, gang] : gangs_) {
    for (size_t rank = 0; rank < gang.members.size(); ++rank) {
      Member& member = gang.members[rank];
      if (member.learner_id != learner_id) continue;
      member.has_left = true;
      if (!gang.is_stopping && gang.over_reason.empty()) {
        gang.over_reason = absl::StrCat("rank ", rank, " (", member.learner_id, ") started again");
      }
    }
  }
}

std::optional<GangPlace> GangRegistry::PlaceOf(std::string_view learner_id) const {
  for (const auto& [job, gang] : gangs_) {
    if (!gang.over_reason.empty()) continue;
    for (size_t rank = 0; rank < gang.members.size(); ++rank) {
      if (gang.members[rank].learner_id != learner_id || gang.members[rank].has_left) continue;
      return GangPlace{.job = job,
                       .rank = static_cast<int32_t>(rank),
                       .world_size = static_cast<int32_t>(gang.members.size()),
                       .incarnation = gang.incarnation,
                       .store_address = gang.store_address};
    }
  }
  return std::nullopt;
}

}  // namespace cohort::coordinator
