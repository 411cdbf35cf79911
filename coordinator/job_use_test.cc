// SPDX-License-Identifier: Apache-2.0
// What a job uses, when that pauses it, and which conditions a person reads.
#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>

#include <string>

#include "common/testing/status_matchers.h"
#include "coordinator/job_conditions.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using cohort::v1::JobCondition;
using google::protobuf::util::TimeUtil;
using ::testing::HasSubstr;

class JobUseTest : public BenchCoordinator {
 protected:
  cohort::v1::JoinGangResponse Begin(const cohort::v1::JobSpec& spec) {
    place_ = StartSums(spec);
    return place_;
  }
  cohort::v1::ResourceUse Use() { return Get("sums").use(); }
  bool Has(JobCondition::Type type) {
    const auto job = Get("sums");
    return FindCondition(job, type) != nullptr;
  }
  std::string MessageOf(JobCondition::Type type) {
    const auto job = Get("sums");
    return Has(type) ? FindCondition(job, type)->message() : "";
  }
  // As a worker of this processor.
  cohort::v1::ClaimGroupsResponse ClaimAs(const std::string& worker, const std::string& processor) {
    cohort::v1::ClaimGroupsRequest request;
    request.mutable_worker()->set_worker_id(worker);
    request.mutable_worker()->set_processor(processor);
    request.set_max_groups(1);
    return *rollouts_->Claim(request);
  }
  absl::Status CommitTokens(const cohort::v1::JoinGangResponse& place, int64_t version, double tokens) {
    cohort::v1::CommitStepRequest request;
    request.set_incarnation(place.incarnation());
    request.set_version(version);
    request.set_digest(std::string(32, 'b'));
    (*request.mutable_metrics())["trained_tokens"] = tokens;
    return Runtime("sums")->CommitStep(request);
  }

  cohort::v1::JoinGangResponse place_;
};

TEST_F(JobUseTest, RanksAndWorkersThatAreHeldAreCountedByTheSecond) {
  ASSERT_OK(Create("sums", SmallRlvrSpec()));
  Pass(5, place_);
  EXPECT_EQ(Use().device_seconds(), 0) << "it waits";
  place_ = Join();
  ASSERT_OK(Publish(place_, 0, 'a'));
  Pass(4, place_);
  EXPECT_DOUBLE_EQ(Use().device_seconds(), 4);
  const auto one = Claim("worker-1", 2);
  const auto two = Claim("worker-2", 1);
  Pass(3, place_);
  EXPECT_DOUBLE_EQ(Use().device_seconds(), 4 + 3 * 3) << "a rank and two workers";
  EXPECT_EQ(Get("sums").num_workers(), 2);
  EXPECT_EQ(TimeUtil::DurationToSeconds(Use().wall_time()), 7);
  ASSERT_OK(directory_->Pause(NameOf("sums")));
  Pass(2, place_);
  EXPECT_DOUBLE_EQ(Use().device_seconds(), 13 + 2 * 3) << "they are held while it pauses";
  EXPECT_EQ(TimeUtil::DurationToSeconds(Use().wall_time()), 7) << "but it does not run";
  Runtime("sums")->LoseGang(place_.incarnation(), "all ranks stopped as planned");
  Pass(9, place_);
  EXPECT_DOUBLE_EQ(Use().device_seconds(), 19);
}

TEST_F(JobUseTest, TokensAreThoseSampledInAcceptedGroupsAndThoseTrained) {
  const auto place = Begin(SmallRlvrSpec());
  const auto claimed = Claim("worker", 4);
  ASSERT_OK(Submit(claimed));
  int64_t sampled = 0;
  ASSERT_OK_AND_ASSIGN(const auto groups, store_.ListOpenGroups(NameOf("sums")));
  for (const GroupRecord& group : groups) {
    for (const int32_t count : group.outcome.planned.completion_tokens()) sampled += count;
  }
  ASSERT_GT(sampled, 0);
  EXPECT_EQ(Use().tokens(), sampled);
  ASSERT_OK(Submit(claimed));
  EXPECT_EQ(Use().tokens(), sampled) << "a group is taken in once";
  ASSERT_OK(GetPlan(place, 0));
  ASSERT_OK(CommitTokens(place, 1, 1000));
  EXPECT_EQ(Use().tokens(), sampled + 1000);
  ASSERT_OK(CommitTokens(place, 1, 1000));
  EXPECT_EQ(Use().tokens(), sampled + 1000) << "a step is committed once";
}

TEST_F(JobUseTest, UseOutlivesTheCoordinatorAndTimeWithoutOneDoesNotCount) {
  const auto place = Begin(SmallSftSpec());
  Pass(10, place_);
  ASSERT_OK(GetPlan(place, 0));
  ASSERT_OK(Commit(place, 1, 'b'));
  Pass(3, place_);
  clock_.Advance(absl::Hours(100));
  Restart();
  EXPECT_DOUBLE_EQ(Use().device_seconds(), 10) << "as of the last commit";
  Pass(5, place_);
  EXPECT_DOUBLE_EQ(Use().device_seconds(), 10);
}

TEST_F(JobUseTest, SpentBudgetPausesTheJobAndResumeBeginsItAnew) {
  cohort::v1::JobSpec spec = SmallSftSpec();
  *spec.mutable_budget()->mutable_wall_time() = TimeUtil::SecondsToDuration(60);
  Begin(spec);
  Pass(59, place_);
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_RUNNING);
  Pass(1, place_);
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_PAUSING);
  EXPECT_THAT(MessageOf(JobCondition::BUDGET_SPENT), HasSubstr("budget.wall_time is spent"));
  ASSERT_OK(GetPlan(place_, 0));
  ASSERT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_PAUSED);
  EXPECT_THAT(Get("sums").state_reason(), HasSubstr("budget.wall_time is spent (1m of 1m)"));
  Restart();
  EXPECT_TRUE(Has(JobCondition::BUDGET_SPENT));
  ASSERT_OK(directory_->Resume(NameOf("sums")));
  EXPECT_FALSE(Has(JobCondition::BUDGET_SPENT));
  EXPECT_EQ(TimeUtil::DurationToSeconds(Get("sums").use_at_resume().wall_time()), 60);
  place_ = Join();
  Pass(59, place_);
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_RUNNING);
  Pass(1, place_);
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_PAUSING);
}

TEST_F(JobUseTest, TokenBudgetIsSpentByTheGroupThatCrossesIt) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_budget()->set_tokens(1);
  Begin(spec);
  Pass(2, place_);
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_RUNNING);
  ASSERT_OK(Submit(Claim("worker", 1)));
  Pass(1, place_);
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_PAUSING);
  EXPECT_THAT(MessageOf(JobCondition::BUDGET_SPENT), HasSubstr("budget.tokens is spent"));
}

TEST_F(JobUseTest, StallIsAConditionWithinThirtySecondsAndGoneWithTheNextMove) {
  Begin(SmallRlvrSpec());
  const auto begin = clock_.Now();
  Pass(20, place_);
  EXPECT_FALSE(Has(JobCondition::STALLED));
  Pass(10, place_);
  EXPECT_EQ(MessageOf(JobCondition::STALLED), "waits for rollout workers to claim 4 groups");
  EXPECT_EQ(Get("sums").waits_for(), "rollout workers to claim 4 groups");
  EXPECT_LE(Get("sums").waits_since().seconds(), absl::ToUnixSeconds(begin) + 1);
  ASSERT_EQ(Claim("worker", 1).groups_size(), 1);
  EXPECT_FALSE(Has(JobCondition::STALLED));
  ASSERT_OK(directory_->Cancel(NameOf("sums")));
}

TEST_F(JobUseTest, StorageThatFailsIsAConditionWhileItDoes) {
  const auto place = Begin(SmallRlvrSpec());
  fault_.log = absl::ResourceExhaustedError("No space left on device");
  const auto claimed = Claim("worker", 1);
  EXPECT_THAT(WhyTryAgain(Submit(claimed)), HasSubstr("No space left on device"));
  EXPECT_THAT(MessageOf(JobCondition::STORAGE_TROUBLE), HasSubstr("No space left on device"));
  fault_.log = absl::OkStatus();
  ASSERT_OK(Submit(claimed));
  EXPECT_FALSE(Has(JobCondition::STORAGE_TROUBLE));
  fault_.store = absl::ResourceExhaustedError("disk quota exceeded");
  Runtime("sums")->LoseGang(place.incarnation(), "rank 0 was silent");
  EXPECT_THAT(MessageOf(JobCondition::STORAGE_TROUBLE), HasSubstr("disk quota exceeded"));
  fault_.store = absl::OkStatus();
  Tick();
  EXPECT_FALSE(Has(JobCondition::STORAGE_TROUBLE));
}

TEST_F(JobUseTest, WorkersOfDifferentProcessorsAreACondition) {
  Begin(SmallRlvrSpec());
  ASSERT_EQ(ClaimAs("worker-1", "xeon").groups_size(), 1);
  ASSERT_EQ(ClaimAs("worker-2", "xeon").groups_size(), 1);
  Pass(1, place_);
  EXPECT_FALSE(Has(JobCondition::MIXED_PROCESSORS));
  ASSERT_EQ(ClaimAs("worker-3", "epyc").groups_size(), 1);
  Pass(1, place_);
  EXPECT_THAT(MessageOf(JobCondition::MIXED_PROCESSORS), HasSubstr("epyc, xeon"));
}

TEST_F(JobUseTest, DamagedCheckpointIsAConditionThatStays) {
  cohort::v1::JobSpec spec = SmallSftSpec();
  spec.mutable_checkpoint()->set_every_steps(1);
  auto place = Begin(spec);
  ASSERT_OK(GetPlan(place, 0));
  ASSERT_OK(Commit(place, 1, 'b'));
  ASSERT_OK(Seal(place, 1, 'b'));
  Restart();
  place = Join();
  ASSERT_EQ(place.resume_version(), 1);
  ASSERT_OK(GetPlan(place, 0));
  Restart();
  EXPECT_THAT(MessageOf(JobCondition::CHECKPOINT_UNUSABLE), HasSubstr("version 1 cannot be used"));
}

TEST_F(JobUseTest, LeasesBetweenTwoTicksAreCountedForAsLongAsTheyWereHeld) {
  Begin(SmallRlvrSpec());
  clock_.Advance(absl::Milliseconds(500));
  const auto claimed = Claim("worker", 4);
  clock_.Advance(absl::Milliseconds(250));
  ASSERT_OK(Submit(claimed));
  clock_.Advance(absl::Milliseconds(250));
  Tick();
  EXPECT_DOUBLE_EQ(Use().device_seconds(), 1.25) << "a rank for a second, a worker for a quarter";
}

}  // namespace
}  // namespace cohort::coordinator
