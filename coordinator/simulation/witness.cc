// SPDX-License-Identifier: Apache-2.0
#include "coordinator/simulation/witness.h"

#include "absl/strings/str_cat.h"
#include "coordinator/deterministic_bytes.h"
#include "coordinator/job_lifecycle.h"

namespace cohort::coordinator {
namespace {

// What was sampled, without the times, which the coordinator adds to.
std::string PayloadBytes(cohort::v1::RolloutGroup group) {
  group.clear_timings();
  return group.SerializeAsString();
}

// Watchers do not get the times.
std::string EventBytes(cohort::v1::JobEvent event) {
  if (event.has_step()) event.mutable_step()->clear_timings();
  return DeterministicBytes(event);
}

}  // namespace

void Witness::Granted(const std::string& job, int64_t group, const cohort::v1::LeaseToken& lease, absl::Duration now) {
  leases_[{job, group, lease.coordinator_epoch(), lease.attempt()}] = {now, num_time_losses_};
}

void Witness::Renewed(const cohort::v1::GroupLease& lease, absl::Duration now) {
  Granted(lease.job(), lease.group_id(), lease.lease(), now);
}

void Witness::Answered(const Submission& submission, bool is_garbage, const cohort::v1::GroupReceipt& receipt,
                       absl::Duration lease_end, absl::Duration now) {
  if (!receipt.accepted()) {
    if (!receipt.try_again()) ++num_refused_;
    return;
  }
  const std::string name = absl::StrCat("group ", submission.group.group_id(), " of ", submission.group.job());
  if (is_garbage) {
    // Taken for a repetition of what was stored under the same numbers, perhaps; it must not be what is stored.
    garbage_.push_back({{submission.group.job(), submission.group.group_id()}, PayloadBytes(submission.group)});
    return;
  }
  const int64_t epoch = submission.lease.coordinator_epoch();
  const int32_t attempt = submission.lease.attempt();
  const auto [it, is_first] = accepted_.try_emplace({submission.group.job(), submission.group.group_id()});
  Accepted& accepted = it->second;
  if (!is_first) {
    if (accepted.epoch != epoch || accepted.attempt != attempt) {
      Violated(absl::StrCat(name, ": accepted twice, under attempt ", accepted.attempt, " and ", attempt));
    }
    return;
  }
  accepted = {epoch, attempt, PayloadBytes(submission.group)};
  const auto lease = leases_.find({submission.group.job(), submission.group.group_id(), epoch, attempt});
  const bool is_known = lease != leases_.end() && lease->second.num_time_losses == num_time_losses_;
  if (is_known && now - lease->second.renewed > lease_end) {
    Violated(absl::StrCat(name, ": accepted ", absl::FormatDuration(now - lease->second.renewed),
                          " after its lease was renewed last"));
  }
}

void Witness::HandedOut(const std::string& job, const cohort::v1::StepPlan& plan) {
  const std::string bytes = DeterministicBytes(plan);
  const auto [it, is_first] = plans_.try_emplace({job, plan.version()}, bytes);
  if (!is_first && it->second != bytes) {
    Violated(absl::StrCat("plan ", plan.version(), " of ", job, " has changed after it was handed out"));
  }
}

void Witness::Payload(const cohort::v1::RolloutGroup& group) {
  const auto it = accepted_.find({group.job(), group.group_id()});
  if (it == accepted_.end()) return;  // its answer was lost with the process that stored it
  if (it->second.payload == PayloadBytes(group)) return;
  Violated(absl::StrCat("group ", group.group_id(), " of ", group.job(), ": the payload is not what was submitted"));
}

void Witness::Committed(const std::string& job, int64_t version, const std::string& digest) {
  const auto [it, is_first] = digests_.try_emplace({job, version}, digest);
  if (!is_first && it->second != digest) {
    Violated(absl::StrCat("version ", version, " of ", job, " was committed with two digests"));
  }
}

void Witness::Unsealed(const std::string& job, int64_t version) { sealed_.erase({job, version}); }

void Witness::SawEvents(const std::string& job, const std::vector<cohort::v1::JobEvent>& events) {
  for (const cohort::v1::JobEvent& event : events) {
    if (event.sequence() != LastEvent(job) + 1) {
      Violated(absl::StrCat("event ", event.sequence(), " of ", job, " follows event ", LastEvent(job)));
    }
    events_[job][event.sequence()] = EventBytes(event);
    if (event.has_state_changed()) SawState(job, event.state_changed().state());
  }
}

void Witness::SawState(const std::string& job, cohort::v1::JobState state) {
  const auto [it, is_first] = states_.try_emplace(job, state);
  const cohort::v1::JobState before = std::exchange(it->second, state);
  if (is_first || before == state || IsLegalMove(before, state)) return;
  Violated(
      absl::StrCat(job, " went from ", cohort::v1::JobState_Name(before), " to ", cohort::v1::JobState_Name(state)));
}

int64_t Witness::LastEvent(const std::string& job) const {
  const auto it = events_.find(job);
  return it == events_.end() || it->second.empty() ? 0 : it->second.rbegin()->first;
}

void Witness::CheckStore(JobStore* store, const rollout_log::RolloutLog& log) {
  for (const std::string& job : jobs_) CheckJob(job, store);
  CheckGroups(store, log);
  for (const auto& [key, bytes] : plans_) {
    const auto plan = store->GetPlan(key.first, key.second);
    if (!plan.ok() || DeterministicBytes(*plan) != bytes) {
      Violated(absl::StrCat("plan ", key.second, " of ", key.first, " was handed out and is not in the store"));
    }
  }
}

void Witness::CheckJob(const std::string& job, JobStore* store) {
  const auto record = store->GetJob(job);
  if (!record.ok()) return Violated(absl::StrCat(job, " was acknowledged: ", record.status().ToString()));
  const auto versions = store->ListVersions(job);
  std::map<int64_t, VersionRecord> by_number;
  if (versions.ok()) {
    for (const VersionRecord& version : *versions) by_number[version.version] = version;
  }
  for (const auto& [key, digest] : digests_) {
    if (key.first == job && by_number[key.second].digest != digest) {
      Violated(absl::StrCat("version ", key.second, " of ", job, " was committed and is not in the store"));
    }
  }
  for (const auto& [key, is_sealed] : sealed_) {
    if (key.first == job && by_number[key.second].checkpoint_path.empty()) {
      Violated(absl::StrCat("checkpoint ", key.second, " of ", job, " was sealed and is not in the store"));
    }
  }
  const auto events = store->ListEvents(job, /*after=*/0, /*limit=*/100000);
  std::map<int64_t, std::string> stored;
  if (events.ok()) {
    for (const auto& event : *events) stored[event.sequence()] = EventBytes(event);
  }
  for (const auto& [sequence, bytes] : events_[job]) {
    if (stored[sequence] != bytes) Violated(absl::StrCat("event ", sequence, " of ", job, " was seen and has changed"));
  }
}

void Witness::CheckGroups(JobStore* store, const rollout_log::RolloutLog& log) {
  for (const auto& [key, bytes] : garbage_) {
    const auto groups = store->GetGroups(key.first, {key.second});
    const auto payload =
        groups.ok() ? log.Read(groups->front().location) : absl::StatusOr<cohort::v1::RolloutGroup>(groups.status());
    const bool is_stored = payload.ok() && PayloadBytes(*payload) == bytes;
    if (is_stored || !payload.ok())
      Violated(absl::StrCat("group ", key.second, " of ", key.first, ": garbage was accepted"));
  }
  for (const auto& [key, accepted] : accepted_) {
    const std::string name = absl::StrCat("group ", key.second, " of ", key.first, " was acknowledged: ");
    const auto groups = store->GetGroups(key.first, {key.second});
    if (!groups.ok()) {
      Violated(absl::StrCat(name, groups.status().ToString()));
      continue;
    }
    const GroupRecord& group = groups->front();
    const bool is_same = group.scored_epoch == accepted.epoch && group.scored_attempt == accepted.attempt;
    if (group.state < GroupState::kScored || !is_same) {
      Violated(absl::StrCat(name, "is not scored any more (state ", static_cast<int>(group.state), ")"));
      continue;
    }
    const auto payload = log.Read(group.location);
    if (!payload.ok() || PayloadBytes(*payload) != accepted.payload) {
      Violated(absl::StrCat(name, "the payload is lost: ", payload.status().ToString()));
    }
  }
}

}  // namespace cohort::coordinator
