// SPDX-License-Identifier: Apache-2.0
#include "coordinator/simulation/ledger_check.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "coordinator/deterministic_bytes.h"
#include "coordinator/group_record.h"
#include "coordinator/rollout_schedule.h"
#include "coordinator/submitted_group.h"
#include "coordinator/testing/weights_digest.h"

namespace cohort::coordinator {
namespace {

using Violations = std::vector<std::string>;

// What the plans say of one group.
struct PlannedPlace {
  int64_t version = 0;
  int64_t position = 0;  // in the whole run
  cohort::v1::PlannedGroup group;
};

// The plan that takes each group; the digest that the plans give.
struct PlannedRun {
  std::map<int64_t, PlannedPlace> places;  // by group
  std::string digest = InitialDigest();
};

PlannedRun ReadPlans(JobStore* store, const cohort::v1::Job& job, Violations* violations) {
  PlannedRun run;
  std::map<int64_t, std::string> digests;
  const auto versions = store->ListVersions(job.name());
  if (versions.ok()) {
    for (const VersionRecord& version : *versions) digests[version.version] = version.digest;
  }
  for (int64_t version = 0; version < job.policy_version(); ++version) {
    const auto plan = store->GetPlan(job.name(), version);
    if (!plan.ok()) {
      violations->push_back(absl::StrCat("plan ", version, ": ", plan.status().ToString()));
      return run;
    }
    if (!job.spec().has_sft()) {
      for (const auto& group : plan->groups()) {
        const auto position = static_cast<int64_t>(run.places.size());
        const auto [it, is_first] = run.places.emplace(
            group.group_id(), PlannedPlace{.version = version, .position = position, .group = group});
        if (is_first) continue;
        violations->push_back(
            absl::StrCat("group ", group.group_id(), " is in plan ", it->second.version, " and in plan ", version));
      }
    }
    run.digest = NextDigest(run.digest, *plan);
    if (digests[version + 1] != run.digest) {
      violations->push_back(absl::StrCat("version ", version + 1, ": not the digest that the plans give"));
    }
  }
  return run;
}

// A group of a plan is of a version that its schedule allows (docs/service.md, "Two schedules").
void CheckAge(const GroupRecord& group, int64_t version, const cohort::v1::RolloutSpec& rollout,
              Violations* violations) {
  const int64_t oldest = std::max<int64_t>(0, version - LagOf(rollout));
  const int64_t newest = IsPlannedByArrival(rollout) ? version : oldest;
  if (group.policy_version >= oldest && group.policy_version <= newest) return;
  violations->push_back(absl::StrCat("group ", group.group_id, ": sampled by version ", group.policy_version, ", plan ",
                                     version, " takes ", oldest, " to ", newest));
}

// The key of Job.dropped_groups for a drop reason; empty when there is no such reason.
std::string CauseOf(const std::string& reason) {
  const std::pair<const char*, const char*> causes[] = {
      {"stale: ", "stale"}, {"surplus: ", "surplus"}, {kErroredPrefix, "errored"}, {"zero signal: ", "zero_signal"}};
  for (const auto& [prefix, cause] : causes) {
    if (absl::StartsWith(reason, prefix)) return cause;
  }
  return "";
}

// The reason is one that can have been.
void CheckDropped(const GroupRecord& group, const cohort::v1::Job& job, Violations* violations) {
  const cohort::v1::RolloutSpec& rollout = job.spec().rlvr().rollout();
  const std::string cause = CauseOf(group.drop_reason);
  const bool is_by_arrival = IsPlannedByArrival(rollout);
  const bool is_stale = is_by_arrival && group.policy_version < group.step - LagOf(rollout);
  const bool is_surplus = is_by_arrival && job.policy_version() == job.spec().training().num_steps();
  const bool may_lack_signal = job.spec().objective().dynamic_sampling().enabled();
  const bool is_true = cause == "errored" || (cause == "stale" && is_stale) || (cause == "surplus" && is_surplus) ||
                       (cause == "zero_signal" && may_lack_signal);
  if (is_true) return;
  violations->push_back(absl::StrCat("group ", group.group_id, " of version ", group.policy_version,
                                     ": dropped for step ", group.step, " because of \"", group.drop_reason, "\""));
}

void CheckGroup(const GroupRecord& group, const PlannedRun& run, const cohort::v1::Job& job, Violations* violations) {
  const std::string name = absl::StrCat("group ", group.group_id, ": ");
  const auto planned = run.places.find(group.group_id);
  const bool is_trained = group.state == GroupState::kTrained;
  const bool is_evaluation = group.purpose != cohort::v1::GROUP_PURPOSE_TRAIN;
  if (planned != run.places.end()) {
    const int64_t version = planned->second.version;
    CheckAge(group, version, job.spec().rlvr().rollout(), violations);
    if (!is_trained || group.step != version) {
      violations->push_back(absl::StrCat(name, "in the committed plan ", version, " and in state ",
                                         static_cast<int>(group.state), " of step ", group.step));
    }
  }
  if (is_trained && planned == run.places.end()) violations->push_back(absl::StrCat(name, "trained without a plan"));
  if (group.state == GroupState::kDropped) CheckDropped(group, job, violations);
  const bool is_closed =
      is_trained || group.state == GroupState::kDropped || (is_evaluation && group.state == GroupState::kEvaluated);
  if (job.state() == cohort::v1::JOB_STATE_SUCCEEDED && !is_closed) {
    violations->push_back(absl::StrCat(name, "still in state ", static_cast<int>(group.state), " at the end"));
  }
}

// A replay reads the payload: it must be there and be what the plan says of it.
void CheckPayload(const rollout_log::RolloutLog& log, const GroupRecord& group, const PlannedPlace& place,
                  Violations* violations) {
  const auto payload = log.Read(group.location);
  const std::string name = absl::StrCat("payload of group ", group.group_id, ": ");
  if (!payload.ok()) return violations->push_back(name + payload.status().ToString());
  const bool is_its_own = payload->group_id() == group.group_id && payload->policy_version() == group.policy_version;
  const auto summary = SummarizeGroup(*payload, absl::UnixEpoch());
  if (is_its_own && DeterministicBytes(summary.planned) == DeterministicBytes(place.group)) return;
  violations->push_back(absl::StrCat(name, "is not what plan ", place.version, " says"));
}

// Plans take groups in order of arrival or of id, over the whole run.
void CheckOrder(const std::map<int64_t, GroupRecord>& groups, const PlannedRun& run, bool is_by_arrival,
                Violations* violations) {
  std::map<int64_t, const GroupRecord*> in_order;
  for (const auto& [id, place] : run.places) {
    const auto group = groups.find(id);
    if (group != groups.end()) in_order[place.position] = &group->second;
  }
  std::tuple<int64_t, int64_t> last = {-1, -1};
  for (const auto& [position, group] : in_order) {
    const std::tuple<int64_t, int64_t> key =
        is_by_arrival ? std::make_tuple(group->location.segment, group->location.offset_bytes)
                      : std::make_tuple(int64_t{0}, group->group_id);
    if (key <= last) violations->push_back(absl::StrCat("group ", group->group_id, ": planned out of order"));
    last = key;
  }
}

}  // namespace

void CheckLedger(JobStore* store, const rollout_log::RolloutLog* log, const std::string& name,
                 SimulationResult* result) {
  const auto record = store->GetJob(name);
  if (!record.ok()) return result->violations.push_back(absl::StrCat("the job: ", record.status().ToString()));
  result->job = record->job;
  const cohort::v1::Job& job = result->job;
  const int64_t num_steps = job.spec().training().num_steps();
  if (job.state() == cohort::v1::JOB_STATE_SUCCEEDED && job.policy_version() != num_steps) {
    result->violations.push_back(absl::StrCat("ended at version ", job.policy_version(), " of ", num_steps));
  }
  const PlannedRun run = ReadPlans(store, job, &result->violations);
  result->final_digest = run.digest;
  const auto listed = store->ListGroups(name, {.limit = 100000});
  if (!listed.ok()) return result->violations.push_back(absl::StrCat("groups: ", listed.status().ToString()));
  std::map<int64_t, GroupRecord> groups;
  std::map<std::string, int64_t> num_dropped;
  for (const GroupRecord& group : *listed) {
    groups[group.group_id] = group;
    CheckGroup(group, run, job, &result->violations);
    const auto place = run.places.find(group.group_id);
    if (place != run.places.end()) CheckPayload(*log, group, place->second, &result->violations);
    if (group.state == GroupState::kDropped) ++num_dropped[CauseOf(group.drop_reason)];
  }
  for (const auto& [id, place] : run.places) {
    if (groups.count(id) > 0) continue;
    result->violations.push_back(absl::StrCat("group ", id, " of plan ", place.version, ": is not there"));
  }
  CheckOrder(groups, run, IsPlannedByArrival(job.spec().rlvr().rollout()), &result->violations);
  const std::map<std::string, int64_t> counted(job.dropped_groups().begin(), job.dropped_groups().end());
  if (counted != num_dropped) result->violations.push_back("the job counts other dropped groups than there are");
  for (const auto& [cause, count] : num_dropped) result->num_dropped += count;
  result->num_errored = num_dropped["errored"];
}

}  // namespace cohort::coordinator
