// SPDX-License-Identifier: Apache-2.0
#include "coordinator/unranked_job_validation.h"

#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <vector>

#include "common/testing/status_matchers.h"
#include "coordinator/job_validation.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct BadCase {
  const char* name;
  cohort::v1::JobSpec good;
  const char* field;
  const char* value;  // empty: the sentence has no value
  std::function<void(cohort::v1::JobSpec*)> edit;
};

std::vector<BadCase> BadCases() {
  const cohort::v1::JobSpec eval = SmallEvalSpec(4);
  const cohort::v1::JobSpec rescore = SmallRescoreSpec("source");
  return {
      {"EvalWithoutModel", eval, "model.path", "", [](auto* s) { s->clear_model(); }},
      {"EvalWithoutEvaluation", eval, "evaluation", "", [](auto* s) { s->clear_evaluation(); }},
      {"EvalWithoutReward", eval, "evaluation.reward", "", [](auto* s) { s->mutable_evaluation()->clear_reward(); }},
      {"EvalWithoutRun", eval, "evaluation.runs", "", [](auto* s) { s->mutable_evaluation()->clear_runs(); }},
      {"EvalEverySoManySteps", eval, "evaluation.every_steps", "5",
       [](auto* s) { s->mutable_evaluation()->set_every_steps(5); }},
      {"EvalWithObjective", eval, "objective", "grpo", [](auto* s) { s->mutable_objective()->set_preset("grpo"); }},
      {"EvalWithOptimizer", eval, "optimizer", "", [](auto* s) { s->mutable_optimizer()->set_learning_rate(1); }},
      {"EvalWithCheckpoint", eval, "checkpoint", "", [](auto* s) { s->mutable_checkpoint()->set_keep_last(1); }},
      {"EvalWithSteps", eval, "training.num_steps", "3", [](auto* s) { s->mutable_training()->set_num_steps(3); }},
      {"EvalWithUpdates", eval, "training.updates_per_step", "2",
       [](auto* s) { s->mutable_training()->set_updates_per_step(2); }},
      {"EvalWithRanks", eval, "training.world_size", "1", [](auto* s) { s->mutable_training()->set_world_size(1); }},
      {"EvalWithMicrobatches", eval, "training.max_tokens_per_microbatch", "8",
       [](auto* s) { s->mutable_training()->set_max_tokens_per_microbatch(8); }},
      {"EvalWithRecomputation", eval, "training.recompute_activations", "true",
       [](auto* s) { s->mutable_training()->set_recompute_activations(true); }},
      {"EvalWithSharedPrompts", eval, "training.share_prompts", "true",
       [](auto* s) { s->mutable_training()->set_share_prompts(true); }},
      {"EvalWithNegativeContext", eval, "training.max_sequence_tokens", "-1",
       [](auto* s) { s->mutable_training()->set_max_sequence_tokens(-1); }},
      {"EvalWithRankRequirement", eval, "scheduling.rank", "",
       [](auto* s) { s->mutable_scheduling()->mutable_rank()->set_device("cuda"); }},
      {"EvalWithNegativeRetention", eval, "retention.steps", "-1",
       [](auto* s) { s->mutable_retention()->set_steps(-1); }},
      {"RescoreWithModel", rescore, "model", "model", [](auto* s) { s->mutable_model()->set_path("model"); }},
      {"RescoreWithTraining", rescore, "training", "", [](auto* s) { s->mutable_training()->set_seed(1); }},
      {"RescoreWithOptimizer", rescore, "optimizer", "", [](auto* s) { s->mutable_optimizer(); }},
      {"RescoreWithEvaluation", rescore, "evaluation", "", [](auto* s) { AddEvaluation("greedy", 1, 0, s); }},
      {"RescoreWithoutJob", rescore, "rescore.job", "", [](auto* s) { s->mutable_rescore()->clear_job(); }},
      {"RescoreOfNoId", rescore, "rescore.job", "Grpo", [](auto* s) { s->mutable_rescore()->set_job("Grpo"); }},
      {"RescoreFromBeforeTheStart", rescore, "rescore.first_step", "-1",
       [](auto* s) { s->mutable_rescore()->set_first_step(-1); }},
      {"RescoreOfNoStep", rescore, "rescore.last_step", "2",
       [](auto* s) {
         s->mutable_rescore()->set_first_step(2);
         s->mutable_rescore()->set_last_step(2);
       }},
      {"RescoreWithoutVerifier", rescore, "rescore.reward.verifiers", "",
       [](auto* s) { s->mutable_rescore()->clear_reward(); }},
  };
}

class UnrankedJobBadCaseTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(UnrankedJobBadCaseTest, IsRefusedWithFieldAndValue) {
  cohort::v1::JobSpec spec = GetParam().good;
  ASSERT_OK(ResolveJobSpec(spec));
  GetParam().edit(&spec);
  const std::string value = GetParam().value;
  EXPECT_THAT(ResolveJobSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(StartsWith(std::string(GetParam().field) + ": "),
                                                                 HasSubstr(value.empty() ? "" : "(" + value + ")"))));
}

INSTANTIATE_TEST_SUITE_P(All, UnrankedJobBadCaseTest, ::testing::ValuesIn(BadCases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(UnrankedJobValidationTest, EvalTakesSeedAndContextAndResolvesToItself) {
  cohort::v1::JobSpec spec = SmallEvalSpec(4);
  spec.mutable_training()->set_seed(7);
  spec.mutable_training()->set_max_sequence_tokens(32);
  spec.mutable_evaluation()->mutable_runs(0)->add_pass_at_k(4);
  ASSERT_OK_AND_ASSIGN(const auto once, ResolveJobSpec(spec));
  EXPECT_EQ(once.training().seed(), 7);
  EXPECT_EQ(once.training().world_size(), 0);
  EXPECT_FALSE(once.has_objective());
  EXPECT_DOUBLE_EQ(once.evaluation().runs(0).sampling().temperature(), 1);
  ASSERT_OK_AND_ASSIGN(const auto twice, ResolveJobSpec(once));
  EXPECT_EQ(once.SerializeAsString(), twice.SerializeAsString());
}

TEST(UnrankedJobValidationTest, RescoreResolvesItsRubric) {
  ASSERT_OK_AND_ASSIGN(const auto job, ResolveJobSpec(SmallRescoreSpec("source")));
  EXPECT_DOUBLE_EQ(job.rescore().reward().verifiers(0).weight(), 1);
  EXPECT_DOUBLE_EQ(job.rescore().reward().max_no_verdict_share(), 0.1);
  EXPECT_EQ(job.retention().steps(), 100);
}

}  // namespace
}  // namespace cohort::coordinator
