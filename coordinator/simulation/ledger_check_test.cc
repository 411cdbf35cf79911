// SPDX-License-Identifier: Apache-2.0
// The check that thousands of simulated runs rely on finds what it is for: a sound ledger, and one thing wrong with it
// at a time.
#include "coordinator/simulation/ledger_check.h"

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "coordinator/in_memory_job_store.h"
#include "coordinator/submitted_group.h"
#include "coordinator/testing/job_builder.h"
#include "coordinator/testing/sample_group.h"
#include "coordinator/testing/weights_digest.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::HasSubstr;

constexpr char kJob[] = "namespaces/default/jobs/sums";

// A run by arrival of two steps of two groups: 0 and 1, then 2 (a version old) and 3; 4 became stale, 5 was not needed.
struct StoredRun {
  cohort::v1::Job job;
  std::map<int64_t, GroupRecord> groups;
  std::vector<cohort::v1::StepPlan> plans{2};
  std::string last_digest;  // as committed; empty: what the plans give
};

class LedgerCheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    log_ = *rollout_log::RolloutLog::Open(folder_.path(), {});
    run_.job.set_name(kJob);
    run_.job.set_state(cohort::v1::JOB_STATE_SUCCEEDED);
    run_.job.set_policy_version(2);
    *run_.job.mutable_spec() = SmallRlvrSpec();
    run_.job.mutable_spec()->mutable_training()->set_num_steps(2);
    run_.job.mutable_spec()->mutable_rlvr()->mutable_rollout()->set_groups_per_step(2);
    run_.job.mutable_spec()->mutable_rlvr()->mutable_rollout()->set_max_lag(1);
    for (const auto& [id, version] : std::map<int64_t, int64_t>{{0, 0}, {1, 0}, {2, 0}, {3, 1}, {4, 0}, {5, 1}}) {
      Score(id, version);
    }
    for (const int64_t id : {0, 1, 2, 3}) Plan(id, /*step=*/id / 2);
    Drop(4, "stale: sampled by version 0, step 2 takes at least 1");
    Drop(5, "surplus: all steps are done");
    (*run_.job.mutable_dropped_groups())["stale"] = 1;
    (*run_.job.mutable_dropped_groups())["surplus"] = 1;
  }

  void Score(int64_t id, int64_t version) {
    cohort::v1::GroupAssignment assignment;
    assignment.set_job(kJob);
    assignment.set_group_id(id);
    assignment.set_group_size(2);
    assignment.set_policy_version(version);
    const auto payload = SampleGroup(assignment, FirstSiblingIsRight());
    const auto location = log_->Append(payload);
    ASSERT_OK(location);
    GroupRecord& group = run_.groups[id];
    group.group_id = id;
    group.policy_version = version;
    group.location = *location;
    group.outcome = SummarizeGroup(payload, absl::UnixEpoch());
  }
  void Plan(int64_t id, int64_t step) {
    run_.groups[id].state = GroupState::kTrained;
    run_.groups[id].step = step;
    run_.plans[step].set_version(step);
    *run_.plans[step].add_groups() = run_.groups[id].outcome.planned;
  }
  void Drop(int64_t id, const std::string& reason) {
    run_.groups[id].state = GroupState::kDropped;
    run_.groups[id].step = 2;
    run_.groups[id].drop_reason = reason;
  }

  static SimulationResult Check(const StoredRun& run, const rollout_log::RolloutLog& log) {
    const auto store = MakeInMemoryJobStore();
    EXPECT_OK(store->CreateJob({.job = run.job}, {}));
    std::string digest = InitialDigest();
    for (size_t version = 0; version < run.plans.size(); ++version) {
      digest = NextDigest(digest, run.plans[version]);
      const bool is_last = version + 1 == run.plans.size();
      JobChange change;
      change.plan = run.plans[version];
      change.version = VersionRecord{.version = static_cast<int64_t>(version) + 1,
                                     .digest = is_last && !run.last_digest.empty() ? run.last_digest : digest};
      EXPECT_OK(store->Apply(kJob, change));
    }
    JobChange groups;
    for (const auto& [id, group] : run.groups) groups.groups.push_back(group);
    EXPECT_OK(store->Apply(kJob, groups));
    SimulationResult result;
    CheckLedger(store.get(), &log, kJob, &result);
    return result;
  }

  common::TempDir folder_;
  std::unique_ptr<rollout_log::RolloutLog> log_;
  StoredRun run_;
};

TEST_F(LedgerCheckTest, SoundLedgerHasNothingWrong) {
  const SimulationResult result = Check(run_, *log_);
  EXPECT_EQ(absl::StrJoin(result.violations, "\n"), "");
  EXPECT_EQ(result.final_digest, NextDigest(NextDigest(InitialDigest(), run_.plans[0]), run_.plans[1]));
  EXPECT_EQ(result.num_dropped, 2);
  EXPECT_EQ(result.num_errored, 0);
}

TEST_F(LedgerCheckTest, WhatIsWrongIsSaid) {
  const std::vector<std::pair<std::string, std::function<void(StoredRun*)>>> cases = {
      {"group 0 is in plan 0 and in plan 1",
       [](StoredRun* run) { *run->plans[1].add_groups() = run->plans[0].groups(0); }},
      {"group 2: sampled by version 0, plan 1 takes 1 to 1",
       [](StoredRun* run) { run->job.mutable_spec()->mutable_rlvr()->mutable_rollout()->set_max_lag(0); }},
      {"group 3: sampled by version 1, plan 1 takes 0 to 0",
       [](StoredRun* run) {
         run->job.mutable_spec()->mutable_rlvr()->mutable_rollout()->clear_max_lag();
         run->job.mutable_spec()->mutable_rlvr()->mutable_rollout()->set_fixed_lag(1);
       }},
      {"group 1: sampled by version 1, plan 0 takes 0 to 0", [](StoredRun* run) { run->groups[1].policy_version = 1; }},
      {"group 4 of version 0: dropped for step 2 because of \"\"",
       [](StoredRun* run) { run->groups[4].drop_reason.clear(); }},
      {"group 4 of version 0: dropped for step 2 because of \"lost\"",
       [](StoredRun* run) { run->groups[4].drop_reason = "lost"; }},
      {"group 4 of version 1: dropped for step 2 because of \"stale: ",
       [](StoredRun* run) { run->groups[4].policy_version = 1; }},
      {"dropped for step 2 because of \"surplus: ", [](StoredRun* run) { run->job.set_policy_version(1); }},
      {"dropped for step 2 because of \"zero signal: every advantage is 0\"",
       [](StoredRun* run) { run->groups[5].drop_reason = "zero signal: every advantage is 0"; }},
      {"the job counts other dropped groups",
       [](StoredRun* run) { (*run->job.mutable_dropped_groups())["stale"] = 2; }},
      {"group 5: still in state 3 at the end", [](StoredRun* run) { run->groups[5].state = GroupState::kScored; }},
      {"group 5: trained without a plan", [](StoredRun* run) { run->groups[5].state = GroupState::kTrained; }},
      {"group 3: in the committed plan 1 and in state 6",
       [](StoredRun* run) { run->groups[3].state = GroupState::kDropped; }},
      {"group 3: in the committed plan 1 and in state 5 of step 0", [](StoredRun* run) { run->groups[3].step = 0; }},
      {"group 3 of plan 1: is not there", [](StoredRun* run) { run->groups.erase(3); }},
      {"version 2: not the digest that the plans give", [](StoredRun* run) { run->last_digest = InitialDigest(); }},
      {"payload of group 0: ", [](StoredRun* run) { ++run->groups[0].location.offset_bytes; }},
      {"payload of group 0: is not what plan 0 says",
       [](StoredRun* run) { run->groups[0].location = run->groups[1].location; }},
      {"payload of group 2: is not what plan 1 says",
       [](StoredRun* run) { run->plans[1].mutable_groups(0)->set_rewards(0, 0.25); }},
      {"planned out of order", [](StoredRun* run) { run->plans[0].mutable_groups()->SwapElements(0, 1); }},
      {"planned out of order",
       [](StoredRun* run) {
         run->plans[0].mutable_groups(1)->Swap(run->plans[1].mutable_groups(0));
         std::swap(run->groups[1].step, run->groups[2].step);
       }},
      {"ended at version 1 of 2", [](StoredRun* run) { run->job.set_policy_version(1); }},
  };
  for (const auto& [violation, spoil] : cases) {
    StoredRun run = run_;
    spoil(&run);
    EXPECT_THAT(absl::StrJoin(Check(run, *log_).violations, "\n"), HasSubstr(violation));
  }
}

}  // namespace
}  // namespace cohort::coordinator
