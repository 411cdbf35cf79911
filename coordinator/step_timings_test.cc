// SPDX-License-Identifier: Apache-2.0
#include "coordinator/step_timings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "common/testing/status_matchers.h"

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

cohort::v1::CommitStepRequest TwoRanks() {
  cohort::v1::CommitStepRequest request;
  for (int rank = 0; rank < 2; ++rank) {
    cohort::v1::RankTimings& timings = *request.add_rank_timings();
    timings.set_rank(rank);
    cohort::v1::PhaseTiming& phase = *timings.add_phases();
    phase.set_phase("wait");
    phase.mutable_begin_time()->set_seconds(10);
    phase.mutable_end_time()->set_seconds(12);
    phase.mutable_busy_time()->set_seconds(1);
  }
  return request;
}

TEST(StepTimingsTest, TakesTheRanksOfTheGang) {
  EXPECT_OK(CheckRankTimings(TwoRanks(), 2));
  EXPECT_OK(CheckRankTimings(cohort::v1::CommitStepRequest(), 2));
}

TEST(StepTimingsTest, RefusesWhatNoRankCanHaveDoneAndNamesIt) {
  using Request = cohort::v1::CommitStepRequest;
  const std::pair<std::function<void(Request*)>, std::string> faults[] = {
      {[](Request* r) { r->mutable_rank_timings(1)->set_rank(2); }, "rank_timings[1].rank"},
      {[](Request* r) { r->mutable_rank_timings(1)->set_rank(0); }, "rank_timings[1].rank"},
      {[](Request* r) { r->mutable_rank_timings(0)->set_rank(-1); }, "rank_timings[0].rank"},
      {[](Request* r) { r->mutable_rank_timings(0)->mutable_phases(0)->clear_phase(); }, "rank_timings[0].phases[0]"},
      {[](Request* r) { r->mutable_rank_timings(0)->mutable_phases(0)->set_phase(std::string(33, 'x')); },
       "rank_timings[0].phases[0]"},
      {[](Request* r) { r->mutable_rank_timings(1)->mutable_phases(0)->mutable_end_time()->set_seconds(9); },
       "rank_timings[1].phases[0]"},
      {[](Request* r) { r->mutable_rank_timings(1)->mutable_phases(0)->mutable_busy_time()->set_seconds(-1); },
       "rank_timings[1].phases[0]"},
      {[](Request* r) {
         for (int i = 0; i < 32; ++i) *r->mutable_rank_timings(0)->add_phases() = r->rank_timings(0).phases(0);
       },
       "rank_timings[0].phases"},
  };
  for (const auto& [fault, field] : faults) {
    Request request = TwoRanks();
    fault(&request);
    EXPECT_THAT(CheckRankTimings(request, 2), common::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)));
  }
}

TEST(StepTimingsTest, GroupsAreInTheOrderOfThePlan) {
  cohort::v1::StepPlan plan;
  plan.add_groups()->set_group_id(7);
  plan.add_groups()->set_group_id(3);
  const auto timings = TimingsOfStep(TwoRanks(), plan, absl::FromUnixSeconds(5));
  EXPECT_THAT(timings.group_ids(), ElementsAre(7, 3));
  EXPECT_EQ(timings.planned_time().seconds(), 5);
  EXPECT_EQ(timings.ranks_size(), 2);
  EXPECT_FALSE(TimingsOfStep(TwoRanks(), plan, std::nullopt).has_planned_time());
}

}  // namespace
}  // namespace cohort::coordinator
