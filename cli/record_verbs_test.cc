// SPDX-License-Identifier: Apache-2.0
// Verbs that read what is kept of a job, and processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/verb_fixture.h"
#include "common/exit_codes.h"

namespace cohort::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kName[] = "namespaces/default/jobs/demo";

cohort::v1::Checkpoint CheckpointOf(int64_t version, bool exists = true) {
  cohort::v1::Checkpoint checkpoint;
  checkpoint.set_name(std::string(kName) + "/checkpoints/" + std::to_string(version));
  checkpoint.set_policy_version(version);
  checkpoint.set_path("/run/demo/" + std::to_string(version));
  checkpoint.set_digest(std::string(32, '\xab'));
  checkpoint.set_exists(exists);
  return checkpoint;
}

cohort::v1::StoredRollouts RolloutsOf(int64_t group_id, const std::string& text) {
  cohort::v1::StoredRollouts stored;
  stored.set_step(3);
  stored.set_fate("trained");
  stored.set_prompt("1+1=");
  stored.set_answer("2");
  auto* group = stored.mutable_group();
  group->set_group_id(group_id);
  group->set_purpose(cohort::v1::GROUP_PURPOSE_TRAIN);
  group->set_problem_id(17);
  group->set_worker_id("worker-0");
  auto* rollout = group->add_rollouts();
  rollout->set_text(text);
  rollout->set_reward(0.5);
  rollout->set_outcome(cohort::v1::SCORE_OUTCOME_GRADED);
  auto* score = rollout->add_scores();
  score->set_verifier("correct");
  score->set_outcome(cohort::v1::SCORE_OUTCOME_WRONG);
  score->set_reason("3 is not 2");
  return stored;
}

class RecordVerbsTest : public VerbFixture {
 protected:
  RecordVerbsTest() { AddJob("demo", cohort::v1::JOB_STATE_SUCCEEDED); }
  // From step 2 on with an evaluation.
  static cohort::v1::StepRecord EvaluatedStepOf(int64_t version) {
    cohort::v1::StepRecord step = StepOf(version);
    if (version > 1) (*step.mutable_step()->mutable_metrics())["accuracy"] = 0.5;
    return step;
  }
};

TEST_F(RecordVerbsTest, CheckpointsFollowsEveryPage) {
  service_.SetCheckpoints({CheckpointOf(4), CheckpointOf(2, /*exists=*/false)});
  EXPECT_EQ(Run({"checkpoints", "demo"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(),
            "VERSION  EXISTS  DIGEST        PATH\n"
            "4        yes     abababababab  /run/demo/4\n"
            "2        no      abababababab  /run/demo/2\n");
  EXPECT_EQ(Run({"checkpoints", "demo", "-o", "name"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("/checkpoints/4\n"));
}

TEST_F(RecordVerbsTest, LatestCheckpointIsItsFolderAlone) {
  service_.SetCheckpoints({CheckpointOf(4), CheckpointOf(2)});
  EXPECT_EQ(Run({"checkpoints", "demo", "--latest"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(), "/run/demo/4\n");
  service_.SetCheckpoints({CheckpointOf(4, /*exists=*/false)});
  EXPECT_EQ(Run({"checkpoints", "demo", "--latest"}), common::kExitNotFound);
  EXPECT_THAT(err_.str(), HasSubstr("/run/demo/4"));
  service_.SetCheckpoints({});
  EXPECT_EQ(Run({"checkpoints", "demo", "--latest"}), common::kExitNotFound);
}

TEST_F(RecordVerbsTest, StepsAreATableOfAFewMetricsOrOfThoseAskedFor) {
  service_.SetSteps({EvaluatedStepOf(1), EvaluatedStepOf(2)});
  EXPECT_EQ(Run({"steps", "demo"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(),
            "VERSION  TIME                  loss          accuracy\n"
            "1        1970-01-01T00:16:41Z  1             -\n"
            "2        1970-01-01T00:16:42Z  0.5           0.5\n");
  EXPECT_EQ(Run({"steps", "demo", "-o", "wide"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("rare"));
  EXPECT_EQ(Run({"steps", "demo", "--metrics", "rare,accuracy", "--first_version", "2", "-o", "csv"}), common::kExitOk);
  EXPECT_EQ(out_.str(), "policy_version,time,rare,accuracy\n2,1970-01-01T00:16:42Z,2,0.5\n");
  EXPECT_EQ(Run({"steps", "demo", "-o", "json"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("\"policy_version\": \"2\""));
}

TEST_F(RecordVerbsTest, FollowedStepsComeOnceEach) {
  service_.SetSteps({EvaluatedStepOf(1)});
  std::vector<cohort::v1::JobEvent> events(3);
  for (int i = 0; i < 3; ++i) {
    events[i].set_sequence(i + 1);
    *events[i].mutable_step() = EvaluatedStepOf(i + 1).step();
  }
  service_.SetEvents(kName, events);
  EXPECT_EQ(Run({"steps", "demo", "--follow", "-o", "csv", "--metrics", "rare"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(),
            "policy_version,time,rare\n1,1970-01-01T00:16:41Z,2\n2,1970-01-01T00:00:00Z,2\n3,1970-01-01T00:00:00Z,2\n");
  service_.SetSteps({});
  EXPECT_EQ(Run({"steps", "demo", "--follow", "--first_version", "2"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(),
              AllOf(HasSubstr("accuracy"), HasSubstr("\n2  "), HasSubstr("\n3  "), Not(HasSubstr("\n1  "))));
}

TEST_F(RecordVerbsTest, RolloutsSendsItsFilters) {
  EXPECT_EQ(Run({"rollouts", "demo", "--step", "3", "--purpose", "evaluate", "--problem", "17", "--min_reward", "0.25",
                 "--max_reward", "0.75", "--outcome", "no_verdict", "--limit", "5"}),
            common::kExitOk)
      << err_.str();
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("no rollouts"));
  const auto request = service_.LastListRollouts();
  EXPECT_EQ(request.page_size(), 5);
  EXPECT_TRUE(request.text_only());
  const auto& filter = request.filter();
  EXPECT_EQ(filter.first_step(), 3);
  EXPECT_EQ(filter.last_step(), 3);
  EXPECT_EQ(filter.purpose(), cohort::v1::GROUP_PURPOSE_EVALUATE);
  EXPECT_EQ(filter.problem_id(), 17);
  EXPECT_EQ(filter.min_reward(), 0.25);
  EXPECT_EQ(filter.max_reward(), 0.75);
  EXPECT_EQ(filter.outcome(), cohort::v1::SCORE_OUTCOME_NO_VERDICT);
  EXPECT_EQ(Run({"rollouts", "demo", "--first_step", "2"}), common::kExitOk);
  EXPECT_FALSE(service_.LastListRollouts().filter().has_last_step());
  EXPECT_EQ(Run({"rollouts", "demo", "--step", "3", "--last_step", "4"}), common::kExitUsage);
}

TEST_F(RecordVerbsTest, RolloutsShowsPromptCompletionScoresRewardAndFate) {
  service_.SetRollouts({RolloutsOf(12, "3\n\033[31mred")});
  EXPECT_EQ(Run({"rollouts", "demo"}), common::kExitOk) << err_.str();
  EXPECT_EQ(out_.str(),
            "group 12  train  step 3  problem 17  version 0  trained\n"
            "  prompt\n    | 1+1=\n  ground truth\n    | 2\n"
            "  completion 0  reward 0.5000\n    correct wrong: 3 is not 2\n    | 3\n    | \\x1b[31mred\n");
  EXPECT_EQ(Run({"rollouts", "demo", "-o", "wide"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("worker worker-0"));
}

TEST_F(RecordVerbsTest, RolloutsFollowsPagesToItsLimitAndNamesWhatIsNotKept) {
  service_.SetRollouts({RolloutsOf(1, "a"), cohort::v1::StoredRollouts(), RolloutsOf(3, "b"), RolloutsOf(4, "c")});
  EXPECT_EQ(Run({"rollouts", "demo", "--limit", "2", "-o", "json"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("\"group_id\": \"1\""), HasSubstr("\"group_id\": \"3\""),
                                Not(HasSubstr("\"group_id\": \"4\""))));
  EXPECT_THAT(err_.str(), HasSubstr("1 groups are not kept"));
}

TEST_F(RecordVerbsTest, LongCompletionsAreCutUnlessWide) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "line " + std::to_string(i) + "\n";
  service_.SetRollouts({RolloutsOf(1, text)});
  EXPECT_EQ(Run({"rollouts", "demo"}), common::kExitOk);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("further lines (-o wide)"), Not(HasSubstr("line 39"))));
  EXPECT_EQ(Run({"rollouts", "demo", "-o", "wide"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("line 39"));
}

TEST_F(RecordVerbsTest, PsShowsWorkersAndRanks) {
  cohort::v1::Process worker;
  worker.set_id("worker-0");
  worker.set_role(cohort::v1::Process::ROLLOUT_WORKER);
  worker.set_device("cuda:0");
  worker.set_memory_bytes(int64_t{80} << 30);
  worker.set_num_groups(4);
  worker.add_jobs(kName);
  worker.set_set_aside_reason("3 failed attempts");
  cohort::v1::Process rank;
  rank.set_id("learner-1");
  rank.set_role(cohort::v1::Process::LEARNER_RANK);
  rank.set_device("cpu");
  rank.set_rank(1);
  rank.add_jobs(kName);
  service_.SetProcesses({worker, rank});
  EXPECT_EQ(Run({"ps"}), common::kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("worker-0   worker   cuda:0  demo  4 groups"), HasSubstr("3 failed attempts"),
                                HasSubstr("learner-1  learner  cpu     demo  rank 1")));
  EXPECT_EQ(Run({"ps", "-o", "wide"}), common::kExitOk);
  EXPECT_THAT(out_.str(), HasSubstr("80.0 GiB"));
  EXPECT_EQ(Run({"ps", "-o", "name"}), common::kExitOk);
  EXPECT_EQ(out_.str(), "worker-0\nlearner-1\n");
}

}  // namespace
}  // namespace cohort::cli
