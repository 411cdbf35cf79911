// SPDX-License-Identifier: Apache-2.0
#include "learner/optim/schedule.h"

#include <gtest/gtest.h>

namespace cohort::learner {
namespace {

cohort::v1::OptimizerSpec Spec(cohort::v1::LearningRateSchedule schedule, int64_t warmup_updates) {
  cohort::v1::OptimizerSpec spec;
  spec.set_learning_rate(0.1);
  spec.set_schedule(schedule);
  spec.set_warmup_updates(warmup_updates);
  return spec;
}

TEST(ScheduleTest, ConstantStaysAndUnspecifiedIsConstant) {
  for (auto schedule : {cohort::v1::LEARNING_RATE_SCHEDULE_CONSTANT, cohort::v1::LEARNING_RATE_SCHEDULE_UNSPECIFIED}) {
    EXPECT_DOUBLE_EQ(LearningRate(Spec(schedule, 0), 0, 100), 0.1);
    EXPECT_DOUBLE_EQ(LearningRate(Spec(schedule, 0), 99, 100), 0.1);
  }
}

TEST(ScheduleTest, WarmupRisesInALineAndEndsAtTheFullRate) {
  const auto spec = Spec(cohort::v1::LEARNING_RATE_SCHEDULE_COSINE, 4);
  EXPECT_DOUBLE_EQ(LearningRate(spec, 0, 20), 0.025);
  EXPECT_DOUBLE_EQ(LearningRate(spec, 3, 20), 0.1);
  EXPECT_DOUBLE_EQ(LearningRate(spec, 4, 20), 0.1);
}

TEST(ScheduleTest, LinearReachesZeroWhenTheLastUpdateIsDone) {
  const auto spec = Spec(cohort::v1::LEARNING_RATE_SCHEDULE_LINEAR, 2);
  EXPECT_DOUBLE_EQ(LearningRate(spec, 2, 12), 0.1);
  EXPECT_DOUBLE_EQ(LearningRate(spec, 7, 12), 0.05);
  EXPECT_NEAR(LearningRate(spec, 11, 12), 0.01, 1e-15);
  EXPECT_DOUBLE_EQ(LearningRate(spec, 12, 12), 0);
}

TEST(ScheduleTest, CosineIsHalfWayInTheMiddle) {
  const auto spec = Spec(cohort::v1::LEARNING_RATE_SCHEDULE_COSINE, 0);
  EXPECT_DOUBLE_EQ(LearningRate(spec, 0, 10), 0.1);
  EXPECT_NEAR(LearningRate(spec, 5, 10), 0.05, 1e-15);
  EXPECT_NEAR(LearningRate(spec, 10, 10), 0, 1e-15);
}

TEST(ScheduleTest, WarmupLongerThanTheJobNeverDividesByZero) {
  EXPECT_DOUBLE_EQ(LearningRate(Spec(cohort::v1::LEARNING_RATE_SCHEDULE_LINEAR, 50), 9, 10), 0.02);
}

}  // namespace
}  // namespace cohort::learner
