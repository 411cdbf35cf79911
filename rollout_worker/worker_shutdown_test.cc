// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/testing/status_matchers.h"
#include "rollout_worker/worker_loop_fixture.h"

namespace cohort::rollout_worker {
namespace {

using ::testing::HasSubstr;

// How a worker ends: asked to, while something hangs, or without its sandbox.
class WorkerShutdownTest : public WorkerLoopFixture {};

TEST_F(WorkerShutdownTest, ShutdownReleasesUnfinishedGroupsWithoutBlame) {
  Publish(0);
  coordinator_->AddGroup(Group(1, 0, /*group_size=*/2000, /*max_tokens=*/150));
  Start(/*max_sequences=*/2);
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.generated_tokens > 0; }));
  Stop();
  const Record record = coordinator_->Look();
  EXPECT_EQ(record.submitted.size(), 0u);
  ASSERT_EQ(record.released.count(1), 1u);
  EXPECT_EQ(record.released.at(1), "");
}

TEST_F(WorkerShutdownTest, ShutdownEndsALongPollAtOnce) {
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.num_claims_under_way > 0; }));
  const absl::Time start = absl::Now();
  Stop();
  // The poll waits 10 s.
  EXPECT_LT(absl::Now() - start, absl::Seconds(8));
}

TEST_F(WorkerShutdownTest, DrainEndsASubmitThatHangs) {
  Publish(0);
  drain_grace_ = absl::Milliseconds(100);
  coordinator_->HangSubmits();
  coordinator_->AddGroup(Group(1, 0, 2, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.num_hanging_submits > 0; }));
  const absl::Time start = absl::Now();
  Stop();
  // The submit's own deadline is 20 s.
  EXPECT_LT(absl::Now() - start, absl::Seconds(8));
  EXPECT_EQ(coordinator_->Look().released.at(1), "");
}

TEST_F(WorkerShutdownTest, DrainEndsAJudgementThatHangs) {
  setup_.mutable_reward()->clear_verifiers();
  cohort::v1::VerifierSpec* verifier = setup_.mutable_reward()->add_verifiers();
  verifier->mutable_command()->add_argv("/bin/sleep");
  verifier->mutable_command()->add_argv("3000");
  verifier->mutable_deadline()->set_seconds(3000);
  MakeCoordinator();
  Publish(0);
  zygote_ = zygote_to_interrupt;
  drain_grace_ = absl::Milliseconds(100);
  coordinator_->AddGroup(Group(2, 0, 2, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([this](const Record& record) {
    const double num_sampled = metrics_.Completions(kJob, "eos").Value() + metrics_.Completions(kJob, "length").Value();
    return num_sampled == 2 && metrics_.scoring_queue_groups.Value() == 0 && record.renewed.count(2) > 0;
  }));
  const absl::Time start = absl::Now();
  Stop();
  EXPECT_LT(absl::Now() - start, absl::Seconds(8));
  EXPECT_EQ(coordinator_->Look().released.at(2), "");
  EXPECT_TRUE(coordinator_->Look().submitted.empty());
}

TEST_F(WorkerShutdownTest, WorkerWithoutASandboxEndsAndBlamesNoGroup) {
  Publish(0);
  zygote_ = zygote_to_kill;
  zygote_->Stop();
  for (int64_t id = 0; id < 40; ++id) coordinator_->AddGroup(Group(id, 0, 2, 8));
  expected_code_ = absl::StatusCode::kUnavailable;
  Start();
  thread_.join();
  EXPECT_THAT(result_, common::StatusIs(absl::StatusCode::kUnavailable, HasSubstr("zygote")));
  const Record record = coordinator_->Look();
  for (const auto& [id, error] : record.released) EXPECT_EQ(error, "");
  EXPECT_TRUE(record.submitted.empty());
}

}  // namespace
}  // namespace cohort::rollout_worker
