// SPDX-License-Identifier: Apache-2.0
#include "learner/step_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>

#include "common/testing/status_matchers.h"
#include "learner/testing/fake_process_group.h"
#include "learner/testing/step_fixture.h"
#include "learner/testing/train_step_fixture.h"

namespace cohort::learner {
namespace {

class StepDataTest : public TrainStepFixture {};

TEST_F(StepDataTest, PayloadOfTheWrongSizeIsRefused) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({}, group);
    WholeStep step = MakeRolloutStep(0, 3, 2);
    StepPayload payload = step.ForRank(0, 1);
    payload.groups.pop_back();
    EXPECT_THAT(
        BuildStepData(payload, rank->data_options),
        common::StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("3 groups planned for rank 0")));
  });
}

TEST_F(StepDataTest, PlanThatCannotBeIsRefusedBeforeAnythingIsComputed) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({}, group);
    const auto error = [&rank](const std::function<void(WholeStep*)>& spoil) {
      WholeStep step = MakeRolloutStep(5, 3, 2);
      spoil(&step);
      const absl::Status status = BuildStepData(step.ForRank(0, 1), rank->data_options).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      return std::string(status.message());
    };
    using ::testing::HasSubstr;
    EXPECT_THAT(error([](WholeStep* step) { step->plan.clear_groups(); }), HasSubstr("nothing to train"));
    EXPECT_THAT(error([](WholeStep* step) { step->plan.mutable_groups(1)->set_rewards(1, NAN); }),
                HasSubstr("reward is not finite (nan), sibling 1, group 501"));
    EXPECT_THAT(error([](WholeStep* step) { step->plan.mutable_groups(1)->add_rewards(1); }),
                HasSubstr("3 rewards and 2 outcomes for 2 sequences, group 501"));
    EXPECT_THAT(error([](WholeStep* step) { step->plan.mutable_groups(1)->clear_outcomes(); }),
                HasSubstr("2 rewards and 0 outcomes for 2 sequences, group 501"));
    EXPECT_THAT(error([](WholeStep* step) { step->plan.mutable_groups(1)->set_completion_tokens(0, -4); }),
                HasSubstr("a negative length (-4), sibling 0, group 501"));
    EXPECT_THAT(error([](WholeStep* step) { step->plan.mutable_groups(1)->set_group_id(500); }),
                HasSubstr("twice the same, group 500"));
    EXPECT_THAT(error([](WholeStep* step) { step->groups[2].set_policy_version(6); }),
                HasSubstr("sampled by version 6, the step starts from 5, group 502"));
  });
}

TEST_F(StepDataTest, ZeroSignalShareCountsGroupsWithEqualRewards) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({}, group);
    WholeStep step = MakeRolloutStep(0, 4, 2);
    for (int g = 0; g < 4; ++g) {
      step.plan.mutable_groups(g)->set_rewards(0, 1);
      step.plan.mutable_groups(g)->set_rewards(1, g == 0 ? 0 : 1);
    }
    const absl::StatusOr<StepData> data = BuildStepData(step.ForRank(0, 1), rank->data_options);
    ASSERT_OK(data);
    EXPECT_EQ(data->zero_signal_share, 0.75);
    EXPECT_NEAR(data->advantage_abs_mean, 0.25 * std::sqrt(0.5), 1e-5);
  });
}

TEST_F(StepDataTest, PlanWithFewerGroupsThanUpdatesMakesNoEmptyUpdate) {
  RunRanks(1, [&](model::ProcessGroup* group) {
    const std::unique_ptr<Rank> rank = MakeRank({.num_updates = 3}, group);
    const absl::StatusOr<StepData> data = BuildStepData(MakeRolloutStep(0, 2, 2).ForRank(0, 1), rank->data_options);
    ASSERT_OK(data);
    ASSERT_EQ(data->updates.size(), 2);
    EXPECT_EQ(data->updates[0].num_groups, 1);
    EXPECT_EQ(data->updates[1].num_groups, 1);
  });
}

}  // namespace
}  // namespace cohort::learner
