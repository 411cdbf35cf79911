// SPDX-License-Identifier: Apache-2.0
#include "model/learner_load.h"

#include <gtest/gtest.h>

namespace cohort::model {
namespace {

cohort::v1::JobSpec RolloutJob(int groups_per_step, int group_size, int64_t microbatch_tokens) {
  cohort::v1::JobSpec spec;
  spec.mutable_rlvr()->mutable_rollout()->set_groups_per_step(groups_per_step);
  spec.mutable_rlvr()->mutable_rollout()->set_group_size(group_size);
  spec.mutable_training()->set_max_tokens_per_microbatch(microbatch_tokens);
  return spec;
}

TEST(LearnerLoadTest, MicrobatchHoldsItsBudgetOrOneLongerSequence) {
  EXPECT_EQ(LearnerLoadOf({}, /*longest_sequence_tokens=*/0).microbatch_tokens, 8192) << "the default";
  EXPECT_EQ(LearnerLoadOf(RolloutJob(100, 8, 4096), 0).microbatch_tokens, 4096);
  EXPECT_EQ(LearnerLoadOf(RolloutJob(100, 8, 4096), 1000).microbatch_tokens, 4096);
  EXPECT_EQ(LearnerLoadOf(RolloutJob(100, 8, 4096), 5000).microbatch_tokens, 5000);
}

TEST(LearnerLoadTest, MicrobatchHoldsNoMoreThanAnUpdateHas) {
  cohort::v1::JobSpec job = RolloutJob(9, 4, 8192);
  EXPECT_EQ(LearnerLoadOf(job, 50).microbatch_tokens, 9 * 4 * 50);
  job.mutable_training()->set_updates_per_step(2);
  EXPECT_EQ(LearnerLoadOf(job, 50).microbatch_tokens, 5 * 4 * 50) << "the larger half";
  job.mutable_training()->set_world_size(2);
  EXPECT_EQ(LearnerLoadOf(job, 50).microbatch_tokens, 3 * 4 * 50) << "the larger half of it";
  EXPECT_EQ(LearnerLoadOf(job, 0).microbatch_tokens, 8192) << "nothing is known of the sequences";
}

TEST(LearnerLoadTest, DemonstrationsAreNoGroups) {
  cohort::v1::JobSpec job;
  job.mutable_sft()->set_sequences_per_step(10);
  EXPECT_EQ(LearnerLoadOf(job, 30).microbatch_tokens, 300);
}

TEST(LearnerLoadTest, ReferenceIsHeldForAKlPenaltyAlone) {
  cohort::v1::JobSpec job = RolloutJob(8, 4, 100);
  EXPECT_FALSE(LearnerLoadOf(job, 0).has_reference);
  job.mutable_objective()->mutable_kl()->set_coefficient(0.1);
  EXPECT_TRUE(LearnerLoadOf(job, 0).has_reference);
}

TEST(LearnerLoadTest, PrecisionIsTheModels) {
  cohort::v1::JobSpec job = RolloutJob(8, 4, 100);
  EXPECT_EQ(LearnerLoadOf(job, 0).precision, Precision::kFp32);
  job.mutable_model()->set_precision(cohort::v1::MODEL_PRECISION_BF16);
  EXPECT_EQ(LearnerLoadOf(job, 0).precision, Precision::kBf16);
}

TEST(LearnerLoadTest, OptimizerIsSharedWhereItIsSharded) {
  cohort::v1::JobSpec job = RolloutJob(8, 4, 100);
  job.mutable_training()->set_world_size(4);
  EXPECT_EQ(LearnerLoadOf(job, 0).optimizer_shards, 1);
  EXPECT_EQ(LearnerLoadOf(job, 0).num_ranks, 4) << "share the checkpoint either way";
  job.mutable_optimizer()->set_sharding(cohort::v1::OPTIMIZER_SHARDING_ZERO1);
  EXPECT_EQ(LearnerLoadOf(job, 0).optimizer_shards, 4);
  EXPECT_FALSE(LearnerLoadOf(job, 0).shards_layers);
  job.mutable_optimizer()->set_sharding(cohort::v1::OPTIMIZER_SHARDING_ZERO3);
  EXPECT_EQ(LearnerLoadOf(job, 0).optimizer_shards, 4);
  EXPECT_TRUE(LearnerLoadOf(job, 0).shards_layers);
}

TEST(LearnerLoadTest, VersionsAreHeldForTheLagAndCopiesForCheckpointsBeforeTheEnd) {
  cohort::v1::JobSpec job = RolloutJob(8, 4, 100);
  EXPECT_EQ(LearnerLoadOf(job, 0).held_versions, 2);
  job.mutable_rlvr()->mutable_rollout()->set_fixed_lag(1);
  EXPECT_EQ(LearnerLoadOf(job, 0).held_versions, 3);
  job.mutable_rlvr()->mutable_rollout()->set_max_lag(4);
  EXPECT_EQ(LearnerLoadOf(job, 0).held_versions, 6);
  job.mutable_training()->set_num_steps(10);
  EXPECT_FALSE(LearnerLoadOf(job, 0).seals_while_training);
  job.mutable_checkpoint()->set_every_steps(10);
  EXPECT_FALSE(LearnerLoadOf(job, 0).seals_while_training) << "the last needs no copy";
  job.mutable_checkpoint()->set_every_steps(9);
  EXPECT_TRUE(LearnerLoadOf(job, 0).seals_while_training);
}

}  // namespace
}  // namespace cohort::model
