// SPDX-License-Identifier: Apache-2.0
#include "coordinator/payload_retention.h"

#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "coordinator/in_memory_job_store.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kJob[] = "namespaces/default/jobs/sums";

class PayloadRetentionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    JobRecord job;
    job.job.set_name(kJob);
    ASSERT_OK(store_->CreateJob(job, {}));
  }
  // Two groups of 10 bytes per step, ids 2 * step and 2 * step + 1.
  void AddSteps(int64_t num_steps, GroupState state = GroupState::kTrained) {
    JobChange change;
    for (int64_t id = 0; id < 2 * num_steps; ++id) {
      GroupRecord& group = change.groups.emplace_back();
      group.group_id = id;
      group.step = id / 2;
      group.state = state;
      group.location = {.segment = 0, .offset_bytes = 16 + 18 * id, .length_bytes = 10, .crc = 1};
    }
    ASSERT_OK(store_->Apply(kJob, change));
  }
  std::vector<int64_t> StepsWithPayload() {
    std::vector<int64_t> steps;
    const auto groups = store_->ListGroups(kJob, {.only_with_payload = true, .limit = 10000});
    for (const GroupRecord& group : *groups) {
      if (steps.empty() || steps.back() != group.step) steps.push_back(group.step);
    }
    return steps;
  }
  PayloadRetention Make(const cohort::v1::RetentionSpec& spec) { return PayloadRetention(store_.get(), kJob, spec); }

  std::unique_ptr<JobStore> store_ = MakeInMemoryJobStore();
};

TEST_F(PayloadRetentionTest, StepsBeyondThePolicyAreReleasedAndTheirRowsStay) {
  AddSteps(6);
  cohort::v1::RetentionSpec spec;
  spec.set_steps(2);
  PayloadRetention retention = Make(spec);
  EXPECT_THAT(retention.Release({.policy_version = 6, .recovery_version = 6, .spare_version = 6}), IsOkAndHolds(8));
  EXPECT_THAT(StepsWithPayload(), ElementsAre(4, 5));
  EXPECT_THAT(retention.Release({.policy_version = 6, .recovery_version = 6, .spare_version = 6}), IsOkAndHolds(0));
  ASSERT_OK_AND_ASSIGN(const auto groups, store_->GetGroups(kJob, {0}));
  EXPECT_EQ(groups[0].state, GroupState::kTrained);
}

TEST_F(PayloadRetentionTest, WhatRecoveryNeedsIsNeverReleased) {
  AddSteps(6);
  cohort::v1::RetentionSpec spec;
  spec.set_covered(true);
  spec.set_max_bytes(1);
  PayloadRetention retention = Make(spec);
  EXPECT_THAT(retention.Release({.policy_version = 6, .recovery_version = 0, .spare_version = 0}), IsOkAndHolds(0));
  EXPECT_TRUE(retention.IsTooMuchSince(0)) << "time for a checkpoint";
  EXPECT_FALSE(retention.IsTooMuchSince(6));
  EXPECT_THAT(retention.Release({.policy_version = 6, .recovery_version = 5, .spare_version = 5}), IsOkAndHolds(10));
  EXPECT_THAT(StepsWithPayload(), ElementsAre(5));
}

TEST_F(PayloadRetentionTest, PayloadSinceTheCheckpointBeforeTheNewestIsKeptUnlessThereIsTooMuch) {
  AddSteps(6);
  cohort::v1::RetentionSpec spec;
  spec.set_covered(true);
  PayloadRetention retention = Make(spec);
  EXPECT_THAT(retention.Release({.policy_version = 6, .recovery_version = 5, .spare_version = 2}), IsOkAndHolds(4));
  EXPECT_THAT(StepsWithPayload(), ElementsAre(2, 3, 4, 5));
  spec.set_max_bytes(50);
  PayloadRetention bounded = Make(spec);
  EXPECT_THAT(bounded.Release({.policy_version = 6, .recovery_version = 5, .spare_version = 2}), IsOkAndHolds(3));
  EXPECT_THAT(StepsWithPayload(), ElementsAre(3, 4, 5)) << "one group of step 3";
}

TEST_F(PayloadRetentionTest, OldestGoFirstWhenThereIsTooMuch) {
  AddSteps(6);
  cohort::v1::RetentionSpec spec;
  spec.set_all(true);
  PayloadRetention keeps_all = Make(spec);
  EXPECT_THAT(keeps_all.Release({.policy_version = 6, .recovery_version = 6, .spare_version = 6}), IsOkAndHolds(0));
  spec.set_max_bytes(75);
  PayloadRetention bounded = Make(spec);
  EXPECT_THAT(bounded.Release({.policy_version = 6, .recovery_version = 6, .spare_version = 6}), IsOkAndHolds(5));
  EXPECT_THAT(StepsWithPayload(), ElementsAre(2, 3, 4, 5));
}

TEST_F(PayloadRetentionTest, OpenGroupsKeepTheirPayload) {
  AddSteps(6, GroupState::kScored);
  cohort::v1::RetentionSpec spec;
  spec.set_covered(true);
  PayloadRetention retention = Make(spec);
  EXPECT_THAT(retention.Release({.policy_version = 6, .recovery_version = 6, .spare_version = 6}), IsOkAndHolds(0));
}

TEST_F(PayloadRetentionTest, WorkOfOneCallIsBounded) {
  AddSteps(700);
  cohort::v1::RetentionSpec spec;
  spec.set_covered(true);
  PayloadRetention retention = Make(spec);
  const RetentionPoint point = {.policy_version = 700, .recovery_version = 700, .spare_version = 700};
  EXPECT_THAT(retention.Release(point), IsOkAndHolds(PayloadRetention::kMaxReleased));
  EXPECT_THAT(retention.Release(point), IsOkAndHolds(400));
  EXPECT_THAT(StepsWithPayload(), IsEmpty());
}

TEST_F(PayloadRetentionTest, WhatIsKeptIsFilledInAndChecked) {
  cohort::v1::RetentionSpec spec;
  ASSERT_OK(ResolveRetention(&spec));
  EXPECT_EQ(spec.steps(), 100);
  EXPECT_EQ(spec.max_bytes(), int64_t{64} << 30);
  spec.set_steps(-1);
  EXPECT_THAT(ResolveRetention(&spec), common::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("steps: ")));
  spec.set_covered(false);
  EXPECT_THAT(ResolveRetention(&spec), common::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("covered: ")));
  spec.set_all(true);
  spec.set_max_bytes(-1);
  EXPECT_THAT(ResolveRetention(&spec), common::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("max_bytes: ")));
}

}  // namespace
}  // namespace cohort::coordinator
