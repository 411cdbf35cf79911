// SPDX-License-Identifier: Apache-2.0
#include "rollout_worker/group_submitter.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "common/grpc_channel.h"
#include "common/grpc_server.h"
#include "common/telemetry/health.h"
#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"
#include "rollout_worker/testing/fake_coordinator.h"

namespace cohort::rollout_worker {
namespace {

using ::testing::HasSubstr;
using Record = FakeCoordinator::Record;

constexpr char kWell[] = "namespaces/default/jobs/well";
constexpr char kIll[] = "namespaces/default/jobs/ill";

class GroupSubmitterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(server_, common::GrpcServer::Create("127.0.0.1:0", {&coordinator_},
                                                             /*enable_reflection=*/false));
    client_ = std::make_unique<CoordinatorClient>(common::CreateChannel(server_->Address()));
    releaser_ = std::make_unique<LeaseReleaser>("worker", client_.get(), &leases_, &metrics_);
    submitter_ =
        std::make_unique<GroupSubmitter>("worker", client_.get(), &leases_, releaser_.get(), &metrics_, &condition_);
  }
  void TearDown() override {
    submitter_->Stop(absl::ZeroDuration());
    server_->Shutdown(absl::ZeroDuration());
  }

  void Submit(const std::string& job, int64_t id) {
    cohort::v1::GroupLease lease;
    lease.set_job(job);
    lease.set_group_id(id);
    lease.mutable_lease()->set_attempt(1);
    leases_.Add(lease);
    cohort::v1::RolloutGroup group;
    group.set_job(job);
    group.set_group_id(id);
    group.add_rollouts()->set_text("46");
    submitter_->Add(lease.lease(), std::move(group));
  }

  FakeCoordinator coordinator_{cohort::v1::RolloutSetup()};
  std::unique_ptr<common::GrpcServer> server_;
  prometheus::Registry registry_;
  RolloutWorkerMetrics metrics_{&registry_};
  common::Health health_;
  WorkerCondition condition_{&health_};
  HeldLeases leases_;
  std::unique_ptr<CoordinatorClient> client_;
  std::unique_ptr<LeaseReleaser> releaser_;
  std::unique_ptr<GroupSubmitter> submitter_;
};

TEST_F(GroupSubmitterTest, GroupsOfAJobInTroubleAreSubmittedUntilTheyAreStoredAndHoldUpNoOtherJob) {
  coordinator_.SetTrouble(kIll, "No space left on device");
  Submit(kIll, 1);
  ASSERT_TRUE(coordinator_.WaitUntil([](const Record& record) { return record.num_put_off.count(1) > 0; }));
  for (int64_t id = 2; id < 10; ++id) Submit(kWell, id);
  ASSERT_TRUE(coordinator_.WaitUntil([](const Record& record) { return record.submitted.size() == 8; }));
  ASSERT_TRUE(coordinator_.WaitUntil([](const Record& record) { return record.num_put_off.at(1) > 2; }));
  const Record record = coordinator_.Look();
  EXPECT_EQ(record.submitted.count(1), 0u);
  for (int64_t id = 2; id < 10; ++id) EXPECT_EQ(record.num_submits.at(id), 1) << "only what was not stored goes again";
  EXPECT_THAT(health_.Reason(), HasSubstr("No space left on device"));
  coordinator_.SetTrouble(kIll, "");
  ASSERT_TRUE(coordinator_.WaitUntil([](const Record& record) { return record.submitted.count(1) > 0; }));
  submitter_->Stop(absl::Seconds(10));
  EXPECT_TRUE(coordinator_.Look().different_submits.empty());
  EXPECT_EQ(metrics_.Groups(kIll, "submitted").Value(), 1);
  EXPECT_EQ(metrics_.Groups(kWell, "submitted").Value(), 8);
}

TEST_F(GroupSubmitterTest, WhatIsNotStoredKeepsItsPlaceBeforeLaterGroupsOfItsJob) {
  coordinator_.SetTrouble(kIll, "disk I/O error");
  Submit(kIll, 1);
  ASSERT_TRUE(coordinator_.WaitUntil([](const Record& record) { return record.num_put_off.count(1) > 0; }));
  Submit(kIll, 2);
  ASSERT_TRUE(coordinator_.WaitUntil([](const Record& record) { return record.num_put_off.count(2) > 0; }));
  EXPECT_GE(coordinator_.Look().num_put_off.at(1), 2) << "the later group waits for the earlier one's pause";
  submitter_->Stop(absl::ZeroDuration());
  EXPECT_TRUE(coordinator_.Look().submitted.empty());
}

TEST_F(GroupSubmitterTest, TroubleOfAJobEndsWithTheGroupThatIsGivenUp) {
  coordinator_.SetTrouble(kIll, "No space left on device");
  Submit(kIll, 1);
  ASSERT_TRUE(coordinator_.WaitUntil([](const Record& record) { return record.num_put_off.count(1) > 0; }));
  coordinator_.FailNextSubmits(1, grpc::StatusCode::FAILED_PRECONDITION);
  ASSERT_TRUE(coordinator_.WaitUntil([](const Record& record) { return record.released.count(1) > 0; }));
  // What fails next is not said for ever, though nothing is heard of the ill job again.
  coordinator_.FailNextSubmits(1, grpc::StatusCode::INTERNAL);
  Submit(kWell, 2);
  ASSERT_TRUE(coordinator_.WaitUntil(
      [](const Record& record) { return record.num_submits.count(2) > 0 && record.num_submits.at(2) == 2; }));
  submitter_->Stop(absl::Seconds(10));
  EXPECT_EQ(metrics_.Groups(kWell, "submitted").Value(), 1);
  condition_.CoordinatorAnswered(/*set_aside=*/"");
  EXPECT_TRUE(health_.Reason().empty()) << health_.Reason();
}

}  // namespace
}  // namespace cohort::rollout_worker
