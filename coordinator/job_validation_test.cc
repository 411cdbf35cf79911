// SPDX-License-Identifier: Apache-2.0
#include "coordinator/job_validation.h"

#include <gmock/gmock.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/job_builder.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Edit = std::function<void(cohort::v1::JobSpec*)>;

struct BadCase {
  const char* name;
  const char* field;
  const char* value;  // empty: the sentence has no value
  Edit edit;
};

cohort::v1::JobSpec FullRlvrSpec() {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  AddEvaluation("greedy", 1, 0.5, &spec);
  return spec;
}

cohort::v1::RolloutSpec* Rollout(cohort::v1::JobSpec* s) { return s->mutable_rlvr()->mutable_rollout(); }
cohort::v1::VerifierSpec* Verifier(cohort::v1::JobSpec* s) {
  return s->mutable_rlvr()->mutable_reward()->mutable_verifiers(0);
}
cohort::v1::ObjectiveSpec* Objective(cohort::v1::JobSpec* s) { return s->mutable_objective(); }
cohort::v1::OptimizerSpec* Adam(cohort::v1::JobSpec* s) { return s->mutable_optimizer(); }
void SetSharding(cohort::v1::JobSpec* s, int v) { Adam(s)->set_sharding(cohort::v1::OptimizerSharding(v)); }
void SetPrecision(cohort::v1::JobSpec* s, int v) { s->mutable_model()->set_precision(cohort::v1::ModelPrecision(v)); }
cohort::v1::TrainingSpec* Training(cohort::v1::JobSpec* s) { return s->mutable_training(); }
cohort::v1::EvaluationSpec* Evaluation(cohort::v1::JobSpec* s) { return s->mutable_evaluation(); }

const std::vector<BadCase>& BadCases() {
  static const auto* const cases = new std::vector<BadCase>{
      {"NoModel", "model.path", "", [](auto* s) { s->clear_model(); }},
      {"FromJobIsNoId", "model.from_job", "Warm_Start",
       [](auto* s) { s->mutable_model()->set_from_job("Warm_Start"); }},
      {"NoPrecision", "model.precision", "7", [](auto* s) { SetPrecision(s, 7); }},
      {"NoKind", "rlvr", "", [](auto* s) { s->clear_rlvr(); }},
      {"SftObjectiveOnRlvr", "objective.preset", "sft", [](auto* s) { Objective(s)->set_preset("sft"); }},
      {"UnknownPreset", "objective.preset", "gppo", [](auto* s) { Objective(s)->set_preset("gppo"); }},
      {"NoReader", "rlvr.data.jsonl", "", [](auto* s) { s->mutable_rlvr()->mutable_data()->clear_jsonl(); }},
      {"NoPath", "rlvr.data.jsonl.path", "",
       [](auto* s) { s->mutable_rlvr()->mutable_data()->mutable_jsonl()->clear_path(); }},
      {"NoPromptField", "rlvr.data.fields.prompt", "",
       [](auto* s) { s->mutable_rlvr()->mutable_data()->mutable_fields()->clear_prompt(); }},
      {"NoAnswerField", "rlvr.data.fields.answer", "",
       [](auto* s) { s->mutable_rlvr()->mutable_data()->mutable_fields()->clear_answer(); }},
      {"NegativeMaxRows", "rlvr.data.max_rows", "-1",
       [](auto* s) { s->mutable_rlvr()->mutable_data()->set_max_rows(-1); }},
      {"NoVerifier", "rlvr.reward.verifiers", "",
       [](auto* s) { s->mutable_rlvr()->mutable_reward()->clear_verifiers(); }},
      {"EmptyVerifier", "rlvr.reward.verifiers[0].verifier", "", [](auto* s) { Verifier(s)->clear_math_answer(); }},
      {"SameVerifierName", "rlvr.reward.verifiers[1].name", "math_answer",
       [](auto* s) { s->mutable_rlvr()->mutable_reward()->add_verifiers()->mutable_math_answer(); }},
      {"WeightNaN", "rlvr.reward.verifiers[0].weight", "nan",
       [](auto* s) { Verifier(s)->set_weight(std::numeric_limits<double>::quiet_NaN()); }},
      {"NoPositiveWeight", "rlvr.reward.verifiers", "", [](auto* s) { Verifier(s)->set_weight(-1); }},
      {"ZeroDeadline", "rlvr.reward.verifiers[0].deadline", "0s", [](auto* s) { Verifier(s)->mutable_deadline(); }},
      {"NoCommand", "rlvr.reward.verifiers[0].command.argv", "", [](auto* s) { Verifier(s)->mutable_command(); }},
      {"NoVerdictShareAboveOne", "rlvr.reward.max_no_verdict_share", "1.5",
       [](auto* s) { s->mutable_rlvr()->mutable_reward()->set_max_no_verdict_share(1.5); }},
      {"GroupSizeOne", "rlvr.rollout.group_size", "1", [](auto* s) { Rollout(s)->set_group_size(1); }},
      {"NoGroupSize", "rlvr.rollout.group_size", "0", [](auto* s) { Rollout(s)->clear_group_size(); }},
      {"NoGroupsPerStep", "rlvr.rollout.groups_per_step", "0", [](auto* s) { Rollout(s)->clear_groups_per_step(); }},
      {"NegativeTemperature", "rlvr.rollout.sampling.temperature", "-0.5",
       [](auto* s) { Rollout(s)->mutable_sampling()->set_temperature(-0.5); }},
      {"GreedyTraining", "rlvr.rollout.sampling.temperature", "0",
       [](auto* s) { Rollout(s)->mutable_sampling()->set_temperature(0); }},
      {"NegativeTopK", "rlvr.rollout.sampling.top_k", "-3",
       [](auto* s) { Rollout(s)->mutable_sampling()->set_top_k(-3); }},
      {"TopPZero", "rlvr.rollout.sampling.top_p", "0", [](auto* s) { Rollout(s)->mutable_sampling()->set_top_p(0); }},
      {"NoCompletionTokens", "rlvr.rollout.sampling.max_completion_tokens", "0",
       [](auto* s) { Rollout(s)->mutable_sampling()->clear_max_completion_tokens(); }},
      {"NegativeLag", "rlvr.rollout.fixed_lag", "-1", [](auto* s) { Rollout(s)->set_fixed_lag(-1); }},
      {"NegativeAttempts", "rlvr.rollout.max_attempts", "-2", [](auto* s) { Rollout(s)->set_max_attempts(-2); }},
      {"ClipLowOne", "objective.branches[0].clip_low", "1",
       [](auto* s) { Objective(s)->add_branches()->set_clip_low(1); }},
      {"ClipHighZero", "objective.branches[0].clip_high", "0",
       [](auto* s) { Objective(s)->add_branches()->set_clip_high(0); }},
      {"NegativeAdvantageEpsilon", "objective.advantage.epsilon", "-1",
       [](auto* s) { Objective(s)->mutable_advantage()->set_epsilon(-1); }},
      {"ListObjectiveWithoutItems", "objective.advantage.estimator", "",
       [](auto* s) { Objective(s)->set_preset("rank_grpo"); }},
      {"NoLearningRate", "optimizer.learning_rate", "0", [](auto* s) { Adam(s)->clear_learning_rate(); }},
      {"InfiniteLearningRate", "optimizer.learning_rate", "inf",
       [](auto* s) { Adam(s)->set_learning_rate(std::numeric_limits<double>::infinity()); }},
      {"BetaOne", "optimizer.beta1", "1", [](auto* s) { Adam(s)->set_beta1(1); }},
      {"EpsilonZero", "optimizer.epsilon", "0", [](auto* s) { Adam(s)->set_epsilon(0); }},
      {"NegativeDecay", "optimizer.weight_decay", "-0.1", [](auto* s) { Adam(s)->set_weight_decay(-0.1); }},
      {"NegativeNorm", "optimizer.max_gradient_norm", "-1", [](auto* s) { Adam(s)->set_max_gradient_norm(-1); }},
      {"NegativeWarmup", "optimizer.warmup_updates", "-1", [](auto* s) { Adam(s)->set_warmup_updates(-1); }},
      {"UnknownSharding", "optimizer.sharding", "7", [](auto* s) { SetSharding(s, 7); }},
      {"Zero3AndKeptActivations", "optimizer.sharding", "zero3", [](auto* s) { SetSharding(s, 3); }},
      {"NoSteps", "training.num_steps", "0", [](auto* s) { Training(s)->clear_num_steps(); }},
      {"MoreUpdatesThanGroups", "training.updates_per_step", "5",
       [](auto* s) { Training(s)->set_updates_per_step(5); }},
      {"MoreRanksThanGroups", "training.world_size", "5", [](auto* s) { Training(s)->set_world_size(5); }},
      {"NegativeMicrobatch", "training.max_tokens_per_microbatch", "-1",
       [](auto* s) { Training(s)->set_max_tokens_per_microbatch(-1); }},
      {"NegativeCheckpointEvery", "checkpoint.every_steps", "-1",
       [](auto* s) { s->mutable_checkpoint()->set_every_steps(-1); }},
      {"NegativeKeepLast", "checkpoint.keep_last", "-1", [](auto* s) { s->mutable_checkpoint()->set_keep_last(-1); }},
      {"StepOfMoreGroupsThanAPlanHolds", "rlvr.rollout.groups_per_step", "2000000000",
       [](auto* s) { Rollout(s)->set_groups_per_step(2000000000); }},
      {"PlanLargerThanAMessage", "rlvr.rollout.groups_per_step", "4000",
       [](auto* s) {
         Rollout(s)->set_groups_per_step(4000);
         Rollout(s)->set_group_size(64);
       }},
      {"MoreSlotsThanMemory", "rlvr.rollout.groups_per_step", "20000",
       [](auto* s) {
         Rollout(s)->set_groups_per_step(20000);
         Rollout(s)->set_fixed_lag(64);
       }},
      {"GroupSizeWithoutEnd", "rlvr.rollout.group_size", "2147483647",
       [](auto* s) { Rollout(s)->set_group_size(2147483647); }},
      {"AttemptsWithoutEnd", "rlvr.rollout.max_attempts", "101", [](auto* s) { Rollout(s)->set_max_attempts(101); }},
      {"CompletionLargerThanAMessage", "rlvr.rollout.sampling.max_completion_tokens", "1000000",
       [](auto* s) { Rollout(s)->mutable_sampling()->set_max_completion_tokens(1000000); }},
      {"StepsWhoseGroupIdsOverflow", "training.num_steps", "4611686018427387904",
       [](auto* s) { Training(s)->set_num_steps(int64_t{1} << 62); }},
      {"SamplesWithoutEnd", "evaluation.runs[0].samples_per_problem", "2147483647",
       [](auto* s) { Evaluation(s)->mutable_runs(0)->set_samples_per_problem(2147483647); }},
      {"SpecLargerThanAnyAnswer", "spec", "",
       [](auto* s) { s->mutable_rlvr()->mutable_data()->set_prompt_prefix(std::string(200000, 'p')); }},
      {"TooManyRuns", "evaluation.runs", "17",
       [](auto* s) {
         for (int i = 0; i < 16; ++i) AddEvaluation(absl::StrCat("run-", i), 1, 0, s);
       }},
      {"NoRuns", "evaluation.runs", "", [](auto* s) { Evaluation(s)->clear_runs(); }},
      {"NamelessRun", "evaluation.runs[0].name", "", [](auto* s) { Evaluation(s)->mutable_runs(0)->clear_name(); }},
      {"SameRunName", "evaluation.runs[1].name", "greedy", [](auto* s) { AddEvaluation("greedy", 1, 0, s); }},
      {"AccuracyAboveOne", "evaluation.runs[0].min_final_accuracy", "80",
       [](auto* s) { Evaluation(s)->mutable_runs(0)->set_min_final_accuracy(80); }},
      {"PassAtZero", "evaluation.runs[0].pass_at_k[0]", "0",
       [](auto* s) { Evaluation(s)->mutable_runs(0)->add_pass_at_k(0); }},
      {"PassAtMoreThanSamples", "evaluation.runs[0].pass_at_k[1]", "2",
       [](auto* s) {
         Evaluation(s)->mutable_runs(0)->add_pass_at_k(1);
         Evaluation(s)->mutable_runs(0)->add_pass_at_k(2);
       }},
      {"SamePassTwice", "evaluation.runs[0].pass_at_k[1]", "1",
       [](auto* s) {
         Evaluation(s)->mutable_runs(0)->add_pass_at_k(1);
         Evaluation(s)->mutable_runs(0)->add_pass_at_k(1);
       }},
      {"RewardNaN", "evaluation.runs[0].min_final_reward", "nan",
       [](auto* s) { Evaluation(s)->mutable_runs(0)->set_min_final_reward(std::numeric_limits<double>::quiet_NaN()); }},
      {"NoCatalogue", "rlvr.reward.verifiers[0].ranking.catalogue_path", "",
       [](auto* s) { Verifier(s)->mutable_ranking(); }},
      {"TooManyItems", "rlvr.reward.verifiers[0].ranking.num_items", "1001",
       [](auto* s) {
         Verifier(s)->mutable_ranking()->set_catalogue_path("catalogue.jsonl");
         Verifier(s)->mutable_ranking()->set_num_items(1001);
       }},
      {"NegativeMaxScore", "rlvr.reward.verifiers[0].document_scores.max_score", "-1",
       [](auto* s) { Verifier(s)->mutable_document_scores()->set_max_score(-1); }},
      {"RelevantFromAboveTheLargestScore", "rlvr.reward.verifiers[0].document_scores.relevant_from", "11",
       [](auto* s) { Verifier(s)->mutable_document_scores()->set_relevant_from(11); }},
      {"TooManyDocuments", "rlvr.reward.verifiers[0].document_scores.num_documents", "1001",
       [](auto* s) { Verifier(s)->mutable_document_scores()->set_num_documents(1001); }},
      {"ListObjectiveOfAnotherLength", "objective.advantage.item.num_items", "20",
       [](auto* s) {
         Verifier(s)->mutable_ranking()->set_catalogue_path("catalogue.jsonl");
         Verifier(s)->mutable_ranking()->set_num_items(10);
         Objective(s)->set_preset("rank_grpo");
         Objective(s)->mutable_advantage()->mutable_item()->set_num_items(20);
       }},
      {"EvaluationPath", "evaluation.data.jsonl.path", "",
       [](auto* s) { Evaluation(s)->mutable_data()->mutable_jsonl()->clear_path(); }},
  };
  return *cases;
}

class JobValidationBadCaseTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(JobValidationBadCaseTest, IsRefusedWithFieldAndValue) {
  cohort::v1::JobSpec spec = FullRlvrSpec();
  GetParam().edit(&spec);
  const std::string value = GetParam().value;
  EXPECT_THAT(ResolveJobSpec(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                             ::testing::AllOf(StartsWith(std::string(GetParam().field) + ": "),
                                                              HasSubstr(value.empty() ? "" : "(" + value + ")"))));
}

INSTANTIATE_TEST_SUITE_P(All, JobValidationBadCaseTest, ::testing::ValuesIn(BadCases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(JobValidationTest, DefaultsAreFilledIn) {
  ASSERT_OK_AND_ASSIGN(const auto job, ResolveJobSpec(FullRlvrSpec()));
  EXPECT_EQ(job.objective().preset(), "grpo");
  EXPECT_DOUBLE_EQ(job.objective().branches(0).clip_low(), 0.2);
  EXPECT_DOUBLE_EQ(job.objective().branches(0).clip_high(), 0.2);
  EXPECT_EQ(job.objective().advantage().scale(), cohort::v1::AdvantageSpec::SCALE_GROUP_STD);
  EXPECT_DOUBLE_EQ(job.optimizer().beta1(), 0.9);
  EXPECT_DOUBLE_EQ(job.optimizer().beta2(), 0.999);
  EXPECT_DOUBLE_EQ(job.optimizer().epsilon(), 1e-8);
  EXPECT_DOUBLE_EQ(job.optimizer().max_gradient_norm(), 1);
  EXPECT_EQ(job.optimizer().schedule(), cohort::v1::LEARNING_RATE_SCHEDULE_CONSTANT);
  EXPECT_EQ(job.optimizer().sharding(), cohort::v1::OPTIMIZER_SHARDING_NONE);
  EXPECT_EQ(job.model().precision(), cohort::v1::MODEL_PRECISION_FP32);
  EXPECT_EQ(job.training().updates_per_step(), 1);
  EXPECT_EQ(job.training().world_size(), 1);
  EXPECT_EQ(job.training().max_tokens_per_microbatch(), 8192);
  EXPECT_EQ(job.checkpoint().keep_last(), 2);
  EXPECT_DOUBLE_EQ(job.rlvr().rollout().sampling().temperature(), 1);
  EXPECT_DOUBLE_EQ(job.rlvr().rollout().sampling().top_p(), 1);
  EXPECT_EQ(job.rlvr().rollout().max_attempts(), 3);
  EXPECT_EQ(job.rlvr().reward().verifiers(0).name(), "math_answer");
  EXPECT_DOUBLE_EQ(job.rlvr().reward().verifiers(0).weight(), 1);
  EXPECT_EQ(job.rlvr().reward().verifiers(0).deadline().seconds(), 5);
  EXPECT_DOUBLE_EQ(job.rlvr().reward().max_no_verdict_share(), 0.1);
  EXPECT_EQ(job.evaluation().runs(0).samples_per_problem(), 1);
}

TEST(JobValidationTest, ResolvedSpecResolvesToItself) {
  ASSERT_OK_AND_ASSIGN(const auto once, ResolveJobSpec(FullRlvrSpec()));
  ASSERT_OK_AND_ASSIGN(const auto twice, ResolveJobSpec(once));
  EXPECT_EQ(once.SerializeAsString(), twice.SerializeAsString());
}

TEST(JobValidationTest, ListObjectiveTakesTheLengthOfTheFirstRankingVerifier) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  for (const int32_t num_items : {7, 9}) {
    cohort::v1::VerifierSpec& verifier = *spec.mutable_rlvr()->mutable_reward()->add_verifiers();
    verifier.set_name(absl::StrCat("top_", num_items));
    verifier.mutable_ranking()->set_catalogue_path("catalogue.jsonl");
    verifier.mutable_ranking()->set_num_items(num_items);
  }
  Objective(&spec)->set_preset("rank_grpo");
  ASSERT_OK_AND_ASSIGN(const auto job, ResolveJobSpec(spec));
  EXPECT_EQ(job.objective().advantage().item().num_items(), 7);
  Objective(&spec)->mutable_advantage()->mutable_item()->set_num_items(9);
  EXPECT_THAT(ResolveJobSpec(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("rlvr.reward.verifiers[1].ranking.num_items, 7 (9)")));
}

TEST(JobValidationTest, EvaluationTakesTheRewardOfTheRlvrJob) {
  cohort::v1::JobSpec spec = FullRlvrSpec();
  spec.mutable_evaluation()->clear_reward();
  spec.mutable_rlvr()->mutable_reward()->mutable_verifiers(0)->mutable_math_answer()->set_answer_marker("=");
  ASSERT_OK_AND_ASSIGN(const auto job, ResolveJobSpec(spec));
  EXPECT_EQ(job.evaluation().reward().verifiers(0).math_answer().answer_marker(), "=");
}

TEST(JobValidationTest, SftJobNeedsCompletionSequencesAndARewardForEvaluation) {
  EXPECT_OK(ResolveJobSpec(SmallSftSpec()));
  cohort::v1::JobSpec spec = SmallSftSpec();
  spec.mutable_sft()->mutable_data()->mutable_fields()->clear_completion();
  EXPECT_THAT(ResolveJobSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("sft.data.fields.completion")));
  spec = SmallSftSpec();
  spec.mutable_sft()->set_sequences_per_step(int64_t{1} << 60);
  EXPECT_THAT(ResolveJobSpec(spec), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("sft.sequences_per_step")));
  spec.mutable_sft()->clear_sequences_per_step();
  EXPECT_THAT(ResolveJobSpec(spec), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("sft.sequences_per_step")));
  spec = SmallSftSpec();
  AddEvaluation("greedy", 1, 0, &spec);
  spec.mutable_evaluation()->clear_reward();
  EXPECT_THAT(ResolveJobSpec(spec), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("evaluation.reward")));
  spec = SmallSftSpec();
  spec.mutable_objective()->set_preset("grpo");
  EXPECT_THAT(ResolveJobSpec(spec), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("objective.preset: ")));
}

TEST(JobValidationTest, CountdownNeedsNoAnswerField) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_rlvr()->mutable_data()->mutable_fields()->clear_answer();
  spec.mutable_rlvr()->mutable_reward()->mutable_verifiers(0)->mutable_countdown();
  ASSERT_OK_AND_ASSIGN(const auto job, ResolveJobSpec(spec));
  EXPECT_EQ(job.rlvr().reward().verifiers(0).countdown().numbers_field(), "numbers");
  EXPECT_EQ(job.rlvr().reward().verifiers(0).countdown().target_field(), "target");
}

TEST(JobValidationTest, SchedulingIsCheckedByItsPath) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_scheduling()->mutable_worker()->set_device("tpu");
  EXPECT_THAT(ResolveJobSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("scheduling.worker.device: ")));
}

}  // namespace
}  // namespace cohort::coordinator
