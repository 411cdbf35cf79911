// SPDX-License-Identifier: Apache-2.0
#include "coordinator/evaluation_tracker.h"

#include <set>

#include "coordinator/testing/job_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

cohort::v1::EvaluationSpec TwoRuns() {
  cohort::v1::JobSpec spec;
  AddEvaluation("sampled", 2, 0, &spec);
  AddEvaluation("greedy", 1, 0, &spec);
  return spec.evaluation();
}

// One completion per reward; a negative reward stands for no verdict.
GroupRecord Scored(const std::string& run, int64_t problem, const std::vector<double>& rewards) {
  GroupRecord group;
  group.purpose = cohort::v1::GROUP_PURPOSE_EVALUATE;
  group.evaluation_run = run;
  group.problem_id = problem;
  group.group_id = problem;
  group.location.offset_bytes = problem;
  for (const double reward : rewards) {
    group.outcome.planned.add_completion_tokens(4);
    group.outcome.planned.add_rewards(reward);
    group.outcome.planned.add_outcomes(reward < 0 ? cohort::v1::SCORE_OUTCOME_NO_VERDICT
                                                  : cohort::v1::SCORE_OUTCOME_GRADED);
  }
  return group;
}

TEST(EvaluationTrackerTest, AccuracyIsTheMeanOverProblemsOfTheShareOfFullRewards) {
  EvaluationTracker tracker(TwoRuns(), /*version=*/5, /*num_problems=*/2, /*max_reward=*/1);
  tracker.AddScored(Scored("sampled", 0, {1, 0.5}));
  tracker.AddScored(Scored("sampled", 1, {1, -1}));
  tracker.AddScored(Scored("greedy", 0, {0}));
  EXPECT_FALSE(tracker.IsFinished());
  tracker.AddScored(Scored("greedy", 1, {1}));
  ASSERT_TRUE(tracker.IsFinished());
  const auto results = tracker.Results();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].run(), "sampled");
  EXPECT_EQ(results[0].policy_version(), 5);
  EXPECT_DOUBLE_EQ(results[0].accuracy(), 0.75) << "half of problem 0, all judged of problem 1";
  EXPECT_EQ(results[0].num_completions(), 3);
  EXPECT_EQ(results[0].num_no_verdict(), 1);
  EXPECT_DOUBLE_EQ(results[0].mean_completion_tokens(), 4);
  EXPECT_DOUBLE_EQ(results[1].accuracy(), 0.5);
}

TEST(EvaluationTrackerTest, RewardAndVerifierValuesAreMeansOverProblemsOfJudgedCompletions) {
  cohort::v1::EvaluationSpec spec = TwoRuns();
  spec.clear_reward();
  spec.mutable_reward()->add_verifiers()->set_name("ndcg");
  spec.mutable_reward()->add_verifiers()->set_name("recall");
  EvaluationTracker tracker(spec, /*version=*/5, /*num_problems=*/2, /*max_reward=*/1);
  GroupRecord first = Scored("sampled", 0, {0.5, 0.25});
  for (const double recall : {1.0, 0.5}) {
    cohort::v1::SequenceFacts& facts = *first.outcome.planned.add_facts();
    facts.add_verifier_scores(0.5);
    facts.add_verifier_scores(recall);
  }
  GroupRecord second = Scored("sampled", 1, {1, -1});
  second.outcome.planned.add_facts()->add_verifier_scores(1);
  second.outcome.planned.add_facts()->add_verifier_scores(0.125);  // of a completion without verdict
  tracker.AddScored(second);
  tracker.AddScored(first);
  const cohort::v1::EvaluationResult result = tracker.Results()[0];
  EXPECT_DOUBLE_EQ(result.mean_reward(), (0.375 + 1) / 2);
  EXPECT_DOUBLE_EQ(result.mean_values().at("ndcg"), (0.5 + 1) / 2);
  EXPECT_DOUBLE_EQ(result.mean_values().at("recall"), 0.375);
}

TEST(EvaluationTrackerTest, PassAtKIsTheMeanOverProblemsWithThatManyVerdicts) {
  cohort::v1::EvaluationSpec spec = TwoRuns();
  spec.mutable_runs(0)->set_samples_per_problem(4);
  for (const int32_t k : {1, 2, 3, 4}) spec.mutable_runs(0)->add_pass_at_k(k);
  EvaluationTracker tracker(spec, /*version=*/0, /*num_problems=*/3, /*max_reward=*/1);
  tracker.AddScored(Scored("sampled", 2, {-1, -1, -1, 1}));
  tracker.AddScored(Scored("sampled", 0, {1, 0, 0, 0.5}));
  tracker.AddScored(Scored("sampled", 1, {0, -1, 1, 0}));
  const cohort::v1::EvaluationResult result = tracker.Results()[0];
  ASSERT_EQ(result.pass_at_k_size(), 4);
  EXPECT_DOUBLE_EQ(result.pass_at_k().at(1), (1.0 / 4 + 1.0 / 3 + 1) / 3);
  EXPECT_DOUBLE_EQ(result.pass_at_k().at(1), result.accuracy()) << "pass@1 is the accuracy";
  EXPECT_DOUBLE_EQ(result.pass_at_k().at(2), (1.0 / 2 + 2.0 / 3) / 2) << "problem 2 has one verdict";
  EXPECT_DOUBLE_EQ(result.pass_at_k().at(3), (3.0 / 4 + 1) / 2);
  EXPECT_DOUBLE_EQ(result.pass_at_k().at(4), 1);
  EXPECT_TRUE(tracker.Results()[1].pass_at_k().empty());
}

TEST(EvaluationTrackerTest, PassAtKWithoutAProblemOfEnoughVerdictsIsNotReported) {
  cohort::v1::EvaluationSpec spec = TwoRuns();
  spec.mutable_runs(0)->add_pass_at_k(2);
  EvaluationTracker tracker(spec, /*version=*/0, /*num_problems=*/1, /*max_reward=*/1);
  tracker.AddScored(Scored("sampled", 0, {1, -1}));
  EXPECT_TRUE(tracker.Results()[0].pass_at_k().empty());
  EXPECT_DOUBLE_EQ(tracker.Results()[0].accuracy(), 1);
}

TEST(EvaluationTrackerTest, DroppedGroupCountsAsCompletionsWithoutVerdict) {
  EvaluationTracker tracker(TwoRuns(), 0, /*num_problems=*/1, 1);
  GroupRecord dropped;
  dropped.evaluation_run = "sampled";
  tracker.AddDropped(dropped);
  tracker.AddScored(Scored("greedy", 0, {1}));
  ASSERT_TRUE(tracker.IsFinished());
  EXPECT_EQ(tracker.Results()[0].num_no_verdict(), 2);
  EXPECT_DOUBLE_EQ(tracker.Results()[0].accuracy(), 0);
}

TEST(EvaluationTrackerTest, TooManyCompletionsWithoutVerdictNameTheRun) {
  EvaluationTracker tracker(TwoRuns(), /*version=*/7, /*num_problems=*/1, 1);
  tracker.AddScored(Scored("greedy", 0, {1}));
  GroupRecord dropped;
  dropped.evaluation_run = "sampled";
  tracker.AddDropped(dropped);
  const absl::Status status = tracker.CheckVerdicts(/*max_no_verdict_share=*/0.5);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("evaluation sampled of version 7: 2 of 2"));
}

TEST(EvaluationTrackerTest, JudgedCompletionsPass) {
  EvaluationTracker tracker(TwoRuns(), /*version=*/0, /*num_problems=*/1, 1);
  tracker.AddScored(Scored("greedy", 0, {1}));
  tracker.AddScored(Scored("sampled", 0, {1, 0}));
  EXPECT_TRUE(tracker.CheckVerdicts(/*max_no_verdict_share=*/0.0).ok());
}

TEST(EvaluationTrackerTest, SamplesAreTheFirstProblemsWhateverTheOrderOfArrival) {
  EvaluationTracker tracker(TwoRuns(), 0, /*num_problems=*/5, 1);
  for (const int64_t problem : {4, 1, 3, 0, 2}) tracker.AddScored(Scored("greedy", problem, {1}));
  const auto samples = tracker.SampleLocations("greedy");
  ASSERT_EQ(samples.size(), 3u);
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(samples[i].offset_bytes, i);
  EXPECT_TRUE(tracker.SampleLocations("sampled").empty());
}

TEST(EvaluationTrackerTest, GroupsCoverEveryRunAndProblemOnce) {
  const auto groups = EvaluationGroups(TwoRuns(), /*version=*/3, /*first_id=*/100, /*num_problems=*/4);
  ASSERT_EQ(groups.size(), 8u);
  std::set<int64_t> ids;
  for (const auto& group : groups) {
    ids.insert(group.group_id);
    EXPECT_EQ(group.policy_version, 3);
    EXPECT_EQ(group.purpose, cohort::v1::GROUP_PURPOSE_EVALUATE);
  }
  EXPECT_EQ(*ids.begin(), 100);
  EXPECT_EQ(*ids.rbegin(), 107);
  EXPECT_EQ(groups[4].evaluation_run, "greedy");
}

TEST(EvaluationTrackerTest, SeedsDifferByRunAndByTrainingSeed) {
  EXPECT_EQ(EvaluationSeed(1, "sampled"), EvaluationSeed(1, "sampled"));
  EXPECT_NE(EvaluationSeed(1, "sampled"), EvaluationSeed(1, "greedy"));
  EXPECT_NE(EvaluationSeed(1, "sampled"), EvaluationSeed(2, "sampled"));
  EXPECT_NE(EvaluationSeed(1, "sampled"), 1) << "not the seed of training";
}

}  // namespace
}  // namespace cohort::coordinator
