// SPDX-License-Identifier: Apache-2.0
#include "coordinator/gang_registry.h"

#include <gmock/gmock.h>

#include "common/testing/simulated_clock.h"
#include "common/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class GangRegistryTest : public ::testing::Test {
 protected:
  void Wait(const std::string& id) {
    cohort::v1::JoinGangRequest request;
    request.set_learner_id(id);
    request.set_store_address(id + ":29500");
    gangs_.BeginWait(request, clock_.Monotonic());
  }
  std::optional<GangPlace> EndWait(const std::string& id) { return gangs_.EndWait(id, clock_.Monotonic()); }
  bool Form(const std::vector<std::string>& ids) {
    return gangs_.Form("job", ids, /*incarnation=*/1, clock_.Monotonic());
  }
  absl::Status Hear(int rank, int64_t incarnation = 1) {
    return gangs_.Hear("job", incarnation, rank, clock_.Monotonic());
  }

  common::SimulatedClock clock_;
  GangRegistry gangs_{absl::Seconds(10)};
};

TEST_F(GangRegistryTest, RanksFollowTheOrderOfLearnerIds) {
  Wait("b");
  Wait("a");
  EXPECT_FALSE(Form({"a", "b", "c"})) << "c does not wait";
  ASSERT_TRUE(Form({"b", "a"}));
  const auto b = EndWait("b"), a = EndWait("a");
  ASSERT_TRUE(a.has_value() && b.has_value());
  EXPECT_EQ(a->rank, 0);
  EXPECT_EQ(b->rank, 1);
  EXPECT_EQ(b->store_address, "a:29500") << "of rank 0";
  EXPECT_EQ(b->world_size, 2);
}

TEST_F(GangRegistryTest, OnlyLearnersThatStillWaitGetAPlace) {
  Wait("a");
  EXPECT_FALSE(EndWait("a").has_value());
  EXPECT_FALSE(Form({"a"}));
  Wait("b");
  EXPECT_EQ(gangs_.NumWaiting(), 1);
  EXPECT_TRUE(Form({"b"}));
  EXPECT_EQ(gangs_.NumWaiting(), 0) << "a learner with a place waits no longer";
}

TEST_F(GangRegistryTest, SecondCallOfOneLearnerKeepsItWaiting) {
  Wait("a");
  Wait("a");
  EXPECT_FALSE(EndWait("a").has_value());
  EXPECT_TRUE(Form({"a"}));
}

TEST_F(GangRegistryTest, LearnerBetweenTwoCallsIsRememberedForAShortWhile) {
  Wait("a");
  EXPECT_FALSE(EndWait("a").has_value());
  clock_.Advance(absl::Seconds(4));
  EXPECT_THAT(gangs_.TakeLost(clock_.Monotonic()), IsEmpty());
  ASSERT_EQ(gangs_.Learners().size(), 1u);
  EXPECT_FALSE(gangs_.Learners()[0].is_waiting);
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(gangs_.TakeLost(clock_.Monotonic()), IsEmpty());
  EXPECT_THAT(gangs_.Learners(), IsEmpty());
}

TEST_F(GangRegistryTest, LearnersAreKnownWithTheirPlace) {
  Wait("a");
  Wait("b");
  ASSERT_TRUE(Form({"b"}));
  clock_.Advance(absl::Seconds(3));
  EXPECT_OK(Hear(0));
  const auto learners = gangs_.Learners();
  ASSERT_EQ(learners.size(), 2u);
  EXPECT_EQ(learners[0].learner.learner_id(), "a");
  EXPECT_TRUE(learners[0].is_waiting);
  EXPECT_EQ(learners[0].job, "");
  EXPECT_EQ(learners[1].learner.store_address(), "b:29500");
  EXPECT_FALSE(learners[1].is_waiting);
  EXPECT_EQ(learners[1].job, "job");
  EXPECT_EQ(learners[1].last_heard - learners[0].last_heard, absl::Seconds(3));
}

TEST_F(GangRegistryTest, LearnerOfADissolvedGangMayJoinAnotherBeforeThatIsCollected) {
  Wait("a");
  Wait("b");
  ASSERT_TRUE(Form({"a", "b"}));
  Wait("a");
  ASSERT_TRUE(gangs_.Form("other", {"b"}, /*incarnation=*/7, clock_.Monotonic())) << "its first gang is over";
  ASSERT_EQ(gangs_.TakeLost(clock_.Monotonic()).size(), 1u);
  const auto place = EndWait("b");
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->job, "other");
}

TEST_F(GangRegistryTest, SilentRankDissolvesTheGang) {
  Wait("a");
  Wait("b");
  ASSERT_TRUE(Form({"a", "b"}));
  clock_.Advance(absl::Seconds(9));
  EXPECT_OK(Hear(0));
  EXPECT_THAT(gangs_.TakeLost(clock_.Monotonic()), IsEmpty());
  clock_.Advance(absl::Seconds(1));
  const auto lost = gangs_.TakeLost(clock_.Monotonic());
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].job, "job");
  EXPECT_THAT(lost[0].reason, HasSubstr("rank 1 (b) was silent for 10s"));
  EXPECT_THAT(Hear(0), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(GangRegistryTest, RankThatStartsAgainDissolvesTheGang) {
  Wait("a");
  Wait("b");
  ASSERT_TRUE(Form({"a", "b"}));
  EndWait("a");
  EndWait("b");
  Wait("b");
  EXPECT_THAT(Hear(0), StatusIs(absl::StatusCode::kAborted)) << "at once, not at the next collection";
  const auto lost = gangs_.TakeLost(clock_.Monotonic());
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_THAT(lost[0].reason, HasSubstr("rank 1 (b) started again"));
  EXPECT_FALSE(gangs_.HasPlace("b"));
}

TEST_F(GangRegistryTest, StoppingGangLastsUntilEveryRankHasLeft) {
  Wait("a");
  Wait("b");
  ASSERT_TRUE(Form({"a", "b"}));
  EndWait("a");
  EndWait("b");
  gangs_.SetStopping("job", /*incarnation=*/1);
  Wait("b");
  EXPECT_THAT(gangs_.TakeLost(clock_.Monotonic()), IsEmpty());
  EXPECT_OK(Hear(0)) << "rank 0 may still seal its checkpoint";
  clock_.Advance(absl::Seconds(10));
  const auto lost = gangs_.TakeLost(clock_.Monotonic());
  ASSERT_EQ(lost.size(), 1u) << "rank 0 ended without waiting again";
  EXPECT_EQ(lost[0].reason, "all ranks stopped as planned");
}

TEST_F(GangRegistryTest, StopOfAnotherIncarnationIsNotThatOfTheGang) {
  Wait("a");
  Wait("b");
  ASSERT_TRUE(Form({"a", "b"}));
  gangs_.SetStopping("job", /*incarnation=*/2);
  Wait("b");
  const auto lost = gangs_.TakeLost(clock_.Monotonic());
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].reason, "rank 1 (b) started again");
}

TEST_F(GangRegistryTest, GangThatIsEndedIsOverForRanksThatAreHeardOf) {
  Wait("a");
  ASSERT_TRUE(Form({"a"}));
  gangs_.SetStopping("job", 1);
  gangs_.End({.job = "job", .incarnation = 2, .reason = "of another gang"});
  EXPECT_OK(Hear(0));
  gangs_.End({.job = "job", .incarnation = 1, .reason = "it took too long"});
  EXPECT_THAT(Hear(0), StatusIs(absl::StatusCode::kAborted));
  const auto lost = gangs_.TakeLost(clock_.Monotonic());
  ASSERT_EQ(lost.size(), 1u);
  EXPECT_EQ(lost[0].reason, "it took too long");
  EXPECT_FALSE(gangs_.HasGang("job"));
}

TEST_F(GangRegistryTest, OtherIncarnationsAndRanksAreAborted) {
  Wait("a");
  ASSERT_TRUE(Form({"a"}));
  EXPECT_OK(Hear(0));
  EXPECT_THAT(Hear(0, /*incarnation=*/2), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(Hear(1), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(gangs_.Hear("other", 1, 0, clock_.Monotonic()), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(GangRegistryTest, JobHasOneGangAtATime) {
  Wait("a");
  Wait("b");
  ASSERT_TRUE(Form({"a"}));
  EXPECT_FALSE(Form({"b"}));
}

}  // namespace
}  // namespace cohort::coordinator
