// SPDX-License-Identifier: Apache-2.0
// Random orders of arrival, failures and restarts under max_lag: every plan obeys the rule of docs/service.md, and the
// ledger has every group trained once or dropped once.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

constexpr int64_t kNumSteps = 6;
constexpr int64_t kGroupsPerStep = 3;

char DigestOf(int64_t version) { return static_cast<char>('a' + version); }

std::tuple<int64_t, int64_t> ArrivalOf(const GroupRecord& group) {
  return {group.location.segment, group.location.offset_bytes};
}

class ArrivalPropertyTest : public BenchCoordinator, public ::testing::WithParamInterface<int> {
 protected:
  int64_t lag() const { return GetParam() % 4; }
  bool Chance(int percent) { return static_cast<int>(random_() % 100) < percent; }
  std::vector<GroupRecord> Groups() { return *store_.ListGroups(NameOf("sums"), {.limit = 100000}); }

  void Start() {
    cohort::v1::JobSpec spec = SmallRlvrSpec();
    spec.mutable_rlvr()->mutable_rollout()->set_groups_per_step(kGroupsPerStep);
    spec.mutable_rlvr()->mutable_rollout()->set_max_lag(static_cast<int32_t>(lag()));
    spec.mutable_rlvr()->mutable_rollout()->set_max_attempts(2);
    spec.mutable_rlvr()->mutable_rollout()->set_max_errored_share(1);
    spec.mutable_training()->set_num_steps(kNumSteps);
    ASSERT_OK(Create("sums", spec));
    Gather();
  }
  // A gang, which replays what there is.
  void Gather() {
    place_ = Join(absl::StrCat("rank-", num_gangs_++));
    ASSERT_EQ(place_.job(), NameOf("sums"));
    version_ = place_.resume_version();
    ASSERT_OK(Publish(place_, version_, DigestOf(version_)));
  }
  void StartOver() {
    Restart();
    Gather();
  }

  void ClaimSome() {
    const auto claimed = Claim(absl::StrCat("worker-", num_claims_++), 1 + random_() % 4);
    for (const auto& assignment : claimed.groups()) {
      held_.push_back(assignment);
    }
  }
  // Of a random group that somebody holds; whether it is still wanted is the coordinator's business.
  void EndSome() {
    if (held_.empty()) return;
    const size_t i = random_() % held_.size();
    cohort::v1::ClaimGroupsResponse one;
    *one.add_groups() = held_[i];
    held_.erase(held_.begin() + static_cast<int64_t>(i));
    if (Chance(15)) {
      Release(one, "no memory");
    } else {
      ASSERT_OK(Submit(one));
    }
  }
  void TrainSome() {
    ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(place_, version_));
    if (!plan.has_value() || plan->action() != cohort::v1::STEP_ACTION_TRAIN) return;
    CheckPlan(*plan);
    ++version_;
    ASSERT_OK(Commit(place_, version_, DigestOf(version_)));
    if (Chance(50)) EndSome();
    ASSERT_OK(Publish(place_, version_, DigestOf(version_)));
    if (plan->seal_checkpoint()) {
      ASSERT_OK(Seal(place_, version_, DigestOf(version_)));
    }
  }

  void CheckPlan(const cohort::v1::StepPlan& plan) {
    ASSERT_EQ(plan.groups_size(), kGroupsPerStep);
    std::map<int64_t, GroupRecord> groups;
    for (const GroupRecord& group : Groups()) groups[group.group_id] = group;
    auto last = std::make_tuple<int64_t, int64_t>(-1, -1);
    std::set<int64_t> ids;
    for (const auto& planned : plan.groups()) {
      const GroupRecord& group = groups.at(planned.group_id());
      EXPECT_EQ(group.step, plan.version());
      EXPECT_GE(group.policy_version, plan.version() - lag()) << "too old";
      EXPECT_LE(group.policy_version, plan.version());
      EXPECT_LT(last, ArrivalOf(group)) << "out of order";
      last = ArrivalOf(group);
      ids.insert(planned.group_id());
    }
    const auto stored = plans_.emplace(plan.version(), plan.SerializeAsString()).first;
    EXPECT_EQ(stored->second, plan.SerializeAsString()) << "another plan than before";
    for (const auto& [id, group] : groups) {
      const bool was_passed_over = group.state == GroupState::kScored && ids.count(id) == 0 && ArrivalOf(group) < last;
      EXPECT_FALSE(was_passed_over) << "group " << id << " came earlier";
    }
  }
  void CheckSlots() {
    int64_t num_open = 0;
    for (const GroupRecord& group : Groups()) num_open += group.state < GroupState::kTrained;
    EXPECT_LE(num_open, (lag() + 1) * kGroupsPerStep);
  }

  std::mt19937 random_{static_cast<uint32_t>(GetParam())};
  cohort::v1::JoinGangResponse place_;
  int64_t version_ = 0;
  int num_gangs_ = 0;
  int num_claims_ = 0;
  std::vector<cohort::v1::GroupAssignment> held_;
  std::map<int64_t, std::string> plans_;
};

TEST_P(ArrivalPropertyTest, EveryPlanTakesTheFirstThatAreNotTooOld) {
  Start();
  int num_moves = 0;
  for (; Get("sums").state() == cohort::v1::JOB_STATE_RUNNING && num_moves < 3000; ++num_moves) {
    if (Chance(2)) StartOver();
    if (Chance(50)) ClaimSome();
    if (Chance(60)) EndSome();
    if (Chance(30)) TrainSome();
    CheckSlots();
    if (HasFatalFailure()) return;
  }
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_SUCCEEDED)
      << "seed " << GetParam() << ", after " << num_moves << " moves: " << Get("sums").state_reason();
  std::map<GroupState, int64_t> counts;
  int64_t num_dropped = 0;
  for (const GroupRecord& group : Groups()) {
    ++counts[group.state];
    EXPECT_EQ(group.state == GroupState::kDropped, !group.drop_reason.empty()) << group.group_id;
  }
  const cohort::v1::Job job = Get("sums");
  for (const auto& [reason, count] : job.dropped_groups()) num_dropped += count;
  EXPECT_EQ(counts[GroupState::kTrained], kNumSteps * kGroupsPerStep);
  EXPECT_EQ(counts[GroupState::kDropped], num_dropped);
  EXPECT_EQ(counts[GroupState::kTrained] + num_dropped, static_cast<int64_t>(Groups().size())) << "none is left open";
}

INSTANTIATE_TEST_SUITE_P(Seeds, ArrivalPropertyTest, ::testing::Range(0, 40));

}  // namespace
}  // namespace cohort::coordinator
