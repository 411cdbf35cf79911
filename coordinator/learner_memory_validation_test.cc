// SPDX-License-Identifier: Apache-2.0
#include "coordinator/learner_memory_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/status_matchers.h"
#include "coordinator/job_validation.h"
#include "coordinator/testing/job_builder.h"
#include "model/learner_load.h"
#include "model/memory_estimate.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int64_t kGibibyte = int64_t{1} << 30;
constexpr int64_t kLongest = 4096;

// 2^28 parameters in one tensor: 1 GiB of weights in fp32.
model::ModelFolderSummary Model() {
  model::ModelFolderSummary model;
  model.config.vocab_size = 1 << 18;
  model.config.hidden_size = 1 << 10;
  model.config.intermediate_size = 1 << 12;
  model.config.num_layers = 1;
  model.config.num_heads = 8;
  model.config.num_kv_heads = 8;
  model.config.head_dim = 128;
  model.parameters = {{"model.embed_tokens.weight", {1 << 18, 1 << 10}}};
  return model;
}

cohort::v1::JobSpec Job() {
  const auto resolved = ResolveJobSpec(SmallRlvrSpec());
  EXPECT_OK(resolved);
  return *resolved;
}

int64_t NeededBytes(const cohort::v1::JobSpec& job) {
  const model::ModelFolderSummary model = Model();
  return model::EstimateLearnerMemory(model.config, model.parameters, model::LearnerLoadOf(job, kLongest)).total;
}

TEST(LearnerMemoryValidationTest, JobThatFitsToTheByteIsTaken) {
  const int64_t needed = NeededBytes(Job());
  EXPECT_GT(needed, 4 * kGibibyte);
  EXPECT_OK(CheckLearnerMemory(Job(), Model(), kLongest, needed));
  EXPECT_THAT(CheckLearnerMemory(Job(), Model(), kLongest, needed - 1),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("training: ")));
}

TEST(LearnerMemoryValidationTest, RefusalShowsTheSum) {
  EXPECT_THAT(CheckLearnerMemory(Job(), Model(), kLongest, 3 * kGibibyte),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("training: a learner rank needs "),
                             HasSubstr(" GiB (weights 1 + gradients 1 + optimizer 2 + activations of 8192 tokens "),
                             HasSubstr(" + backward pass "), EndsWith(", --learner_memory_gib of the coordinator is 3"),
                             Not(HasSubstr("reference")))));
}

TEST(LearnerMemoryValidationTest, ReferencePolicyAndShardsAreInTheSum) {
  cohort::v1::JobSpec job = Job();
  job.mutable_objective()->mutable_kl()->set_coefficient(0.1);
  job.mutable_training()->set_world_size(4);
  job.mutable_optimizer()->set_sharding(cohort::v1::OPTIMIZER_SHARDING_ZERO1);
  EXPECT_THAT(CheckLearnerMemory(job, Model(), kLongest, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("(weights 1 + gradients 1 + optimizer 0.5 + reference policy 1 + ")));
}

TEST(LearnerMemoryValidationTest, RanksThatTheJobAsksForCountWhereTheyHaveMore) {
  cohort::v1::JobSpec job = Job();
  job.mutable_scheduling()->mutable_rank()->set_min_memory_bytes(NeededBytes(job));
  EXPECT_OK(CheckLearnerMemory(job, Model(), kLongest, 1));
  job.mutable_scheduling()->mutable_rank()->set_min_memory_bytes(2 * kGibibyte);
  EXPECT_THAT(CheckLearnerMemory(job, Model(), kLongest, kGibibyte),
              StatusIs(absl::StatusCode::kInvalidArgument, EndsWith(", scheduling.rank.min_memory_bytes is 2 GiB")));
}

TEST(LearnerMemoryValidationTest, NothingIsRefusedWhereTheMemoryOfRanksIsNotKnown) {
  EXPECT_OK(CheckLearnerMemory(Job(), Model(), kLongest, /*rank_memory_bytes=*/0));
}

}  // namespace
}  // namespace cohort::coordinator
