// SPDX-License-Identifier: Apache-2.0
// Groups of jobs without learner ranks: weights come from a folder, or completions from the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "rollout_worker/worker_loop_fixture.h"

namespace cohort::rollout_worker {
namespace {

using ::testing::ElementsAreArray;

class UnrankedJobWorkerTest : public WorkerLoopFixture {
 protected:
  // A version that workers load from the model folder themselves.
  void OfferFolder(int64_t version) {
    cohort::v1::WeightSource source;
    source.set_job(kJob);
    source.set_policy_version(version);
    source.set_model_path(dir_.Join("model"));
    coordinator_->AddWeights(source);
  }

  // Two completions that exist: "46" and "47".
  static cohort::v1::GroupAssignment StoredGroup(int64_t id) {
    cohort::v1::GroupAssignment group = Group(id, /*version=*/7, /*group_size=*/2, 8);
    group.set_purpose(cohort::v1::GROUP_PURPOSE_RESCORE);
    for (const char* const text : {"46", "47"}) {
      cohort::v1::Rollout& stored = *group.mutable_stored()->add_rollouts();
      stored.set_sibling(group.stored().rollouts_size() - 1);
      stored.set_text(text);
      stored.set_finish_reason(cohort::v1::FINISH_REASON_EOS);
    }
    return group;
  }
};

TEST_F(UnrankedJobWorkerTest, ModelFolderThatIsLoadedHereSamplesAsThePublishedWeightsDo) {
  Publish(0);
  OfferFolder(1);
  for (int64_t id = 0; id < 2; ++id) {
    cohort::v1::GroupAssignment group = Group(id, /*version=*/id, /*group_size=*/4, 20);
    group.mutable_problem()->set_problem_id(100);
    coordinator_->AddGroup(group);
  }
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.size() == 2; }));
  const Record record = coordinator_->Look();
  EXPECT_EQ(record.submitted.at(0).weight_digest(), "");
  EXPECT_EQ(record.submitted.at(1).weight_digest().size(), 32u) << "only the coordinator can compare it";
  for (int sibling = 0; sibling < 4; ++sibling) {
    const cohort::v1::Rollout& published = record.submitted.at(0).rollouts(sibling);
    const cohort::v1::Rollout& loaded = record.submitted.at(1).rollouts(sibling);
    EXPECT_THAT(loaded.token_ids(), ElementsAreArray(published.token_ids()));
    EXPECT_THAT(loaded.behavior_logprobs(), ElementsAreArray(published.behavior_logprobs()));
  }
}

TEST_F(UnrankedJobWorkerTest, StoredCompletionsAreJudgedWithoutAModel) {
  setup_.clear_model_path();
  MakeCoordinator();
  // More of them than are claimed at a time: each makes room when it is judged.
  for (int64_t id = 0; id < 40; ++id) coordinator_->AddGroup(StoredGroup(id));
  Start(/*max_sequences=*/16);
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.size() == 40; }));
  const Record record = coordinator_->Look();
  for (const auto& [id, group] : record.submitted) {
    EXPECT_EQ(group.purpose(), cohort::v1::GROUP_PURPOSE_RESCORE);
    EXPECT_EQ(group.policy_version(), 7);
    ASSERT_EQ(group.rollouts_size(), 2);
    EXPECT_EQ(group.rollouts(0).text(), "46");
    EXPECT_EQ(group.rollouts(0).reward(), 1);
    EXPECT_EQ(group.rollouts(1).reward(), 0);
    EXPECT_EQ(group.rollouts(1).sibling(), 1);
    EXPECT_EQ(group.rollouts(1).scores_size(), 1);
    EXPECT_TRUE(group.rollouts(1).token_ids().empty());
  }
  for (const int32_t size : record.claim_sizes) EXPECT_LE(size, 2) << "16 sequences are two groups of up to 8";
  EXPECT_TRUE(record.released.empty());
}

TEST_F(UnrankedJobWorkerTest, JobThatTookTheNameOfADeletedOneIsJudgedByItsOwnRubric) {
  setup_.clear_model_path();
  MakeCoordinator();
  coordinator_->AddGroup(StoredGroup(0));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.count(0) > 0; }));
  setup_.mutable_reward()->mutable_verifiers(0)->mutable_math_answer()->set_answer_marker(">");
  coordinator_->SetSetup(setup_);
  coordinator_->AddGroup(StoredGroup(2));
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.count(2) > 0; }));
  const Record record = coordinator_->Look();
  EXPECT_EQ(record.submitted.at(0).rollouts(0).reward(), 1);
  EXPECT_EQ(record.submitted.at(2).rollouts(0).reward(), 0) << "the answer is not marked";
}

TEST_F(UnrankedJobWorkerTest, LeaseThatIsHeldForADeletedJobOfTheNameIsOfUseForNeither) {
  setup_.clear_model_path();
  MakeCoordinator();
  // One claim, so that the first is not judged yet.
  coordinator_->AddGroup(StoredGroup(0));
  coordinator_->AddGroup(StoredGroup(0));
  coordinator_->AddGroup(StoredGroup(2));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.submitted.count(2) > 0; }));
  const Record record = coordinator_->Look();
  EXPECT_EQ(record.submitted.count(0), 0u);
  EXPECT_EQ(record.released.at(0), "") << "no failed attempt";
}

TEST_F(UnrankedJobWorkerTest, GroupToSampleOfAJobWithoutModelFails) {
  setup_.clear_model_path();
  MakeCoordinator();
  Publish(0);
  coordinator_->AddGroup(Group(1, 0, 2, 8));
  Start();
  ASSERT_TRUE(coordinator_->WaitUntil([](const Record& record) { return record.released.count(1) > 0; }));
  EXPECT_NE(coordinator_->Look().released.at(1), "");
}

}  // namespace
}  // namespace cohort::rollout_worker
