// SPDX-License-Identifier: Apache-2.0
#include "coordinator/gang_registry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace cohort::coordinator {

namespace {

// How long a learner may be away between two calls.
constexpr absl::Duration kLongestAbsence = absl::Seconds(5);

}  // namespace

void GangRegistry::BeginWait(const cohort::v1::JoinGangRequest& description, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  Learner& learner = learners_[description.learner_id()];
  Depart(&learner);
  learner.description = description;
  learner.last_heard = now;
  ++learner.num_calls;
  ++num_changes_;
}

std::optional<GangPlace> GangRegistry::EndWait(std::string_view learner_id, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  const auto it = learners_.find(learner_id);
  if (it == learners_.end()) return std::nullopt;
  Learner& learner = it->second;
  // A second call of the same learner may still wait when the first one ends.
  if (learner.num_calls > 0) --learner.num_calls;
  learner.last_heard = now;
  ++num_changes_;
  const Gang* gang = GangOf(learner);
  if (gang == nullptr) return std::nullopt;
  return GangPlace{.job = learner.job,
                   .rank = learner.rank,
                   .world_size = static_cast<int32_t>(gang->members.size()),
                   .incarnation = gang->incarnation,
                   .store_address = gang->store_address};
}

bool GangRegistry::HasPlace(std::string_view learner_id) const {
  absl::MutexLock lock(&mutex_);
  const auto it = learners_.find(learner_id);
  return it != learners_.end() && GangOf(it->second) != nullptr;
}

int64_t GangRegistry::NumWaiting() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int64_t>(std::count_if(learners_.begin(), learners_.end(), [this](const auto& entry) {
    mutex_.AssertReaderHeld();
    return entry.second.num_calls > 0 && GangOf(entry.second) == nullptr;
  }));
}

std::vector<KnownLearner> GangRegistry::Learners() const {
  absl::MutexLock lock(&mutex_);
  std::vector<KnownLearner> known;
  for (const auto& [id, learner] : learners_) {
    KnownLearner& added = known.emplace_back();
    added.learner = learner.description;
    added.last_heard = learner.last_heard;
    const Gang* gang = GangOf(learner);
    added.is_waiting = gang == nullptr && learner.num_calls > 0;
    if (gang == nullptr) continue;
    added.job = learner.job;
    added.rank = learner.rank;
    added.last_heard = std::max(learner.last_heard, gang->members[learner.rank].last_heard);
  }
  return known;
}

int64_t GangRegistry::num_changes() const {
  absl::MutexLock lock(&mutex_);
  return num_changes_;
}

bool GangRegistry::Form(std::string_view job, const std::vector<std::string>& learner_ids, int64_t incarnation,
                        absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  if (gangs_.count(job) > 0) return false;
  std::vector<std::string> ids = learner_ids;
  std::sort(ids.begin(), ids.end());
  const bool all_wait = std::all_of(ids.begin(), ids.end(), [this](const std::string& id) {
    mutex_.AssertReaderHeld();
    const auto it = learners_.find(id);
    return it != learners_.end() && it->second.num_calls > 0 && GangOf(it->second) == nullptr;
  });
  if (ids.empty() || !all_wait) return false;
  Gang gang{.incarnation = incarnation, .store_address = learners_[ids.front()].description.store_address()};
  for (const std::string& id : ids) {
    Learner& learner = learners_[id];
    learner.job = std::string(job);
    learner.incarnation = incarnation;
    learner.rank = static_cast<int32_t>(gang.members.size());
    gang.members.push_back({.learner_id = id, .last_heard = now});
  }
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

void GangRegistry::SetStopping(std::string_view job, int64_t incarnation) {
  absl::MutexLock lock(&mutex_);
  const auto it = gangs_.find(job);
  if (it != gangs_.end() && it->second.incarnation == incarnation) it->second.is_stopping = true;
}

bool GangRegistry::HasGang(std::string_view job) const {
  absl::MutexLock lock(&mutex_);
  return gangs_.count(job) > 0;
}

void GangRegistry::End(const LostGang& ended) {
  absl::MutexLock lock(&mutex_);
  const auto it = gangs_.find(ended.job);
  if (it == gangs_.end() || it->second.incarnation != ended.incarnation) return;
  if (it->second.over_reason.empty()) it->second.over_reason = ended.reason;
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
    Dissolve(it->first, gang);
    it = gangs_.erase(it);
  }
  for (auto it = learners_.begin(); it != learners_.end();) {
    const Learner& learner = it->second;
    const bool is_gone = learner.num_calls == 0 && learner.job.empty() && now - learner.last_heard >= kLongestAbsence;
    it = is_gone ? learners_.erase(it) : std::next(it);
  }
  return lost;
}

void GangRegistry::Depart(Learner* learner) {
  const auto it = gangs_.find(learner->job);
  if (it != gangs_.end() && it->second.incarnation == learner->incarnation) {
    Gang& gang = it->second;
    Member& member = gang.members[learner->rank];
    member.has_left = true;
    if (!gang.is_stopping && gang.over_reason.empty()) {
      gang.over_reason = absl::StrCat("rank ", learner->rank, " (", member.learner_id, ") started again");
    }
  }
  learner->job.clear();
}

void GangRegistry::Dissolve(const std::string& job, const Gang& gang) {
  for (const Member& member : gang.members) {
    const auto it = learners_.find(member.learner_id);
    if (it == learners_.end()) continue;
    Learner& learner = it->second;
    if (learner.job == job && learner.incarnation == gang.incarnation) learner.job.clear();
  }
}

const GangRegistry::Gang* GangRegistry::GangOf(const Learner& learner) const {
  const auto it = gangs_.find(learner.job);
  if (it == gangs_.end() || it->second.incarnation != learner.incarnation) return nullptr;
  const Gang& gang = it->second;
  return gang.over_reason.empty() && !gang.members[learner.rank].has_left ? &gang : nullptr;
}

}  // namespace cohort::coordinator
