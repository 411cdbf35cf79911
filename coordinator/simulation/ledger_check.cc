// SPDX-License-Identifier: Apache-2.0
#include "coordinator/simulation/ledger_check.h"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "coordinator/testing/weights_digest.h"

namespace cohort::coordinator {
namespace {

using Violations = std::vector<std::string>;

// The plan that takes each group; the digest that the plans give.
struct PlannedRun {
  std::map<int64_t, int64_t> version_of_group;
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
        const auto [it, is_first] = run.version_of_group.emplace(group.group_id(), version);
        if (is_first) continue;
        violations->push_back(
            absl::StrCat("group ", group.group_id(), " is in plan ", it->second, " and in plan ", version));
      }
    }
    run.digest = NextDigest(run.digest, *plan);
    if (digests[version + 1] != run.digest) {
      violations->push_back(absl::StrCat("version ", version + 1, ": not the digest that the plans give"));
    }
  }
  return run;
}

void CheckGroup(const GroupRecord& group, const PlannedRun& run, bool has_succeeded, Violations* violations) {
  const std::string name = absl::StrCat("group ", group.group_id, ": ");
  const auto planned = run.version_of_group.find(group.group_id);
  const bool is_trained = group.state == GroupState::kTrained;
  const bool is_evaluation = group.purpose != cohort::v1::GROUP_PURPOSE_TRAIN;
  if (planned != run.version_of_group.end() && (!is_trained || group.step != planned->second)) {
    violations->push_back(absl::StrCat(name, "in the committed plan ", planned->second, " and in state ",
                                       static_cast<int>(group.state), " of step ", group.step));
  }
  if (is_trained && planned == run.version_of_group.end()) {
    violations->push_back(absl::StrCat(name, "trained without a plan"));
  }
  if (group.state == GroupState::kDropped && group.drop_reason.empty()) {
    violations->push_back(absl::StrCat(name, "dropped without a reason"));
  }
  const bool is_closed =
      is_trained || group.state == GroupState::kDropped || (is_evaluation && group.state == GroupState::kEvaluated);
  if (has_succeeded && !is_closed) {
    violations->push_back(absl::StrCat(name, "still in state ", static_cast<int>(group.state), " at the end"));
  }
}

}  // namespace

void CheckLedger(JobStore* store, const std::string& job, SimulationResult* result) {
  const auto record = store->GetJob(job);
  if (!record.ok()) return result->violations.push_back(absl::StrCat("the job: ", record.status().ToString()));
  result->job = record->job;
  const bool has_succeeded = result->job.state() == cohort::v1::JOB_STATE_SUCCEEDED;
  const int64_t num_steps = result->job.spec().training().num_steps();
  if (has_succeeded && result->job.policy_version() != num_steps) {
    result->violations.push_back(absl::StrCat("ended at version ", result->job.policy_version(), " of ", num_steps));
  }
  const PlannedRun run = ReadPlans(store, result->job, &result->violations);
  result->final_digest = run.digest;
  const auto groups = store->ListGroups(job, {.limit = 100000});
  if (!groups.ok()) return result->violations.push_back(absl::StrCat("groups: ", groups.status().ToString()));
  std::map<int64_t, bool> seen;
  for (const GroupRecord& group : *groups) {
    seen[group.group_id] = true;
    CheckGroup(group, run, has_succeeded, &result->violations);
    if (group.state == GroupState::kDropped) ++result->num_dropped;
  }
  for (const auto& [id, version] : run.version_of_group) {
    if (!seen[id]) result->violations.push_back(absl::StrCat("group ", id, " of plan ", version, ": is not there"));
  }
}

}  // namespace cohort::coordinator
