// SPDX-License-Identifier: Apache-2.0
// Replays that do not come out as what was committed: a new line of history.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/files.h"
#include "common/sha256.h"
#include "common/testing/status_matchers.h"
#include "coordinator/job_conditions.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "coordinator/testing/manifest_text.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using common::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class JobDivergenceTest : public BenchCoordinator {
 protected:
  void Start(const cohort::v1::JobSpec& spec) { place_ = StartSums(spec); }
  // Samples what can be sampled.
  void SubmitAll() { ASSERT_OK(Submit(Claim("worker", 100))); }
  // One step, whose version has this digest.
  void Train(int64_t version, char digest) {
    ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(place_, version));
    ASSERT_TRUE(plan.has_value());
    ASSERT_OK(Commit(place_, version + 1, digest));
    ASSERT_OK(Publish(place_, version + 1, digest));
  }
  void GatherAgain() {
    Restart();
    place_ = Join();
    ASSERT_OK(Publish(place_, 0, 'a'));
  }
  // A job of four steps that has done so many, with the digests 'b', 'c' and so on, and whose next ranks begin anew.
  void TrainAndGatherAgain(int64_t num_steps) {
    cohort::v1::JobSpec spec = SmallRlvrSpec();
    spec.mutable_training()->set_num_steps(4);
    Start(spec);
    for (int64_t version = 0; version < num_steps; ++version) {
      SubmitAll();
      Train(version, static_cast<char>('b' + version));
    }
    GatherAgain();
  }
  // The folder of version 2 as TrainAndGatherAgain had trained it.
  absl::Status WriteCheckpoint2() {
    const std::string folder = place_.checkpoint_directory() + "/step-000002";
    std::filesystem::create_directories(folder);
    const std::string digest = common::HexOf(std::string(32, 'c'));
    return common::WriteFileAtomically(folder + "/manifest.json", ManifestText(2, {}, digest));
  }
  std::vector<int64_t> IdsInState(GroupState state) {
    std::vector<int64_t> ids;
    const auto groups = store_.ListGroups(NameOf("sums"), {.limit = 1000});
    for (const GroupRecord& group : *groups) {
      if (group.state == state && group.purpose == cohort::v1::GROUP_PURPOSE_TRAIN) ids.push_back(group.group_id);
    }
    return ids;
  }
  GroupRecord Group(int64_t id) { return store_.GetGroups(NameOf("sums"), {id})->front(); }

  cohort::v1::JoinGangResponse place_;
};

TEST_F(JobDivergenceTest, ReplayedWeightsBecomeTheCommittedOnesAndWhatTheOldOnesSampledIsSampledAnew) {
  Start(SmallRlvrSpec());
  SubmitAll();
  Train(0, 'b');
  const auto claimed = Claim("worker", 2);
  ASSERT_EQ(claimed.groups_size(), 2);
  ASSERT_OK(Submit(Claim("worker", 1)));
  GatherAgain();
  ASSERT_OK(GetPlan(place_, 0));
  ASSERT_OK(Commit(place_, 1, 'x')) << "the rank may go on";
  EXPECT_THAT(IdsInState(GroupState::kDropped), ElementsAre(4, 5, 6, 7)) << "waiting, in flight and scored ones alike";
  EXPECT_THAT(Group(6).drop_reason, StartsWith("diverged: a replay of version 1"));
  EXPECT_EQ(Get("sums").dropped_groups().at("diverged"), 4);
  const cohort::v1::Job diverged = Get("sums");
  const auto* condition = FindCondition(diverged, cohort::v1::JobCondition::REPLAY_DIVERGED);
  ASSERT_NE(condition, nullptr);
  EXPECT_THAT(condition->message(), StartsWith("version 1: replayed with digest 7878"));
  EXPECT_EQ(metrics_.DigestMismatches(NameOf("sums")).Value(), 1);
  ASSERT_OK_AND_ASSIGN(const auto late, Submit(claimed));
  EXPECT_FALSE(late[0].accepted()) << "sampled by weights that are gone";
  EXPECT_EQ(NumLost("worker", claimed), 2);
  ASSERT_OK(Publish(place_, 1, 'x'));
  SubmitAll();
  ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(place_, 1));
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->groups_size(), 4);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(plan->groups(i).group_id(), 8 + i) << "the next positions, for the same step";
  EXPECT_EQ(Group(8).step, 1);
  EXPECT_EQ(Group(8).policy_version, 1);
  ASSERT_OK(Commit(place_, 2, 'y'));
}

TEST_F(JobDivergenceTest, OneGangSaysOneThing) {
  Start(SmallRlvrSpec());
  SubmitAll();
  Train(0, 'b');
  GatherAgain();
  ASSERT_OK(GetPlan(place_, 0));
  ASSERT_OK(Commit(place_, 1, 'x'));
  ASSERT_OK(Commit(place_, 1, 'x')) << "repeated";
  EXPECT_THAT(Commit(place_, 1, 'b'), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Get("sums").state(), cohort::v1::JOB_STATE_FAILED);
}

TEST_F(JobDivergenceTest, PlanOfTheNewestVersionStaysWithItsGroups) {
  Start(SmallRlvrSpec());
  SubmitAll();
  Train(0, 'b');
  SubmitAll();
  ASSERT_OK_AND_ASSIGN(const auto before, GetPlan(place_, 1));
  ASSERT_TRUE(before.has_value());
  GatherAgain();
  ASSERT_OK(GetPlan(place_, 0));
  ASSERT_OK(Commit(place_, 1, 'x'));
  ASSERT_OK(Publish(place_, 1, 'x'));
  EXPECT_THAT(IdsInState(GroupState::kDropped), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto after, GetPlan(place_, 1));
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->SerializeAsString(), before->SerializeAsString());
  ASSERT_OK(Commit(place_, 2, 'y'));
  EXPECT_EQ(Get("sums").policy_version(), 2);
}

TEST_F(JobDivergenceTest, LaterVersionsOfTheReplayFollow) {
  TrainAndGatherAgain(/*num_steps=*/3);
  Train(0, 'b');
  Train(1, 'x');
  Train(2, 'y');
  EXPECT_EQ(Get("sums").dropped_groups().at("diverged"), 4) << "those of version 3, once";
  EXPECT_EQ(store_.ListVersions(NameOf("sums"))->at(3).digest, std::string(32, 'y'));
  GatherAgain();
  Train(0, 'b');
  Train(1, 'x');
  Train(2, 'y');
  EXPECT_EQ(Get("sums").dropped_groups().at("diverged"), 4) << "the same again is no divergence";
}

TEST_F(JobDivergenceTest, CheckpointsOfTheLineThatWasLeftAreSetAside) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_checkpoint()->set_every_steps(1);
  spec.mutable_rlvr()->mutable_rollout()->set_fixed_lag(1);
  Start(spec);
  // A group that version 0 is still to sample keeps the ranks from resuming at version 1.
  const auto slow = Claim("slow", 1);
  ASSERT_OK(Submit(Claim("worker", 3)));
  ASSERT_OK(Submit(slow));
  const auto last = Claim("slow", 1);
  SubmitAll();
  Train(0, 'b');
  ASSERT_OK(Seal(place_, 1, 'b'));
  const std::string sealed = place_.checkpoint_directory() + "/step-1";
  ASSERT_EQ(Get("sums").checkpoint_path(), sealed);
  GatherAgain();
  ASSERT_EQ(place_.resume_version(), 0);
  ASSERT_OK(GetPlan(place_, 0));
  ASSERT_OK(Commit(place_, 1, 'x'));
  EXPECT_EQ(Get("sums").checkpoint_path(), "");
  EXPECT_FALSE(std::filesystem::exists(sealed));
  EXPECT_TRUE(std::filesystem::exists(place_.checkpoint_directory() + "/damaged-step-1")) << "nothing is deleted";
}

TEST_F(JobDivergenceTest, CheckpointThatWasNeverRecordedIsSetAsideToo) {
  TrainAndGatherAgain(/*num_steps=*/2);
  // A rank of the former gang was still writing it.
  ASSERT_OK(WriteCheckpoint2());
  Train(0, 'x');
  GatherAgain();
  EXPECT_EQ(place_.resume_version(), 0) << "version 2 of the line that was left";
}

TEST_F(JobDivergenceTest, CheckpointThatAFormerGangSealsAfterwardsIsNotAdopted) {
  TrainAndGatherAgain(/*num_steps=*/2);
  Train(0, 'x');
  // Version 2 of the line that was left; the replay has not come to version 2.
  ASSERT_OK(WriteCheckpoint2());
  GatherAgain();
  EXPECT_EQ(place_.resume_version(), 0);
  EXPECT_EQ(Get("sums").checkpoint_path(), "");
  Train(0, 'x');
  Train(1, 'y');
  EXPECT_EQ(store_.ListVersions(NameOf("sums"))->at(2).digest, std::string(32, 'y'));
}

TEST_F(JobDivergenceTest, EvaluationOfALostVersionIsSampledAgain) {
  ASSERT_OK(common::WriteFileAtomically(folder_.Join("held_out.jsonl"),
                                        "{\"question\": \"1\", \"answer\": \"2\"}\n"
                                        "{\"question\": \"3\", \"answer\": \"4\"}\n"));
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  AddEvaluation("greedy", 2, 0, &spec);
  spec.mutable_evaluation()->set_every_steps(1);
  Start(spec);
  SubmitAll();
  Train(0, 'b');
  // Four groups of step 1 and one of the evaluation of version 1; the other is on its way.
  ASSERT_OK(Submit(Claim("worker", 5)));
  const auto on_its_way = Claim("slow", 1);
  ASSERT_EQ(on_its_way.groups_size(), 1);
  ASSERT_GE(on_its_way.groups(0).group_id(), kFirstEvaluationGroup);
  GatherAgain();
  ASSERT_OK(GetPlan(place_, 0));
  ASSERT_OK(Commit(place_, 1, 'x'));
  ASSERT_OK(Publish(place_, 1, 'x'));
  ASSERT_OK_AND_ASSIGN(const auto late, Submit(on_its_way));
  EXPECT_FALSE(late[0].accepted());
  EXPECT_EQ(NumLost("slow", on_its_way), 1);
  const auto again = Claim("worker", 100);
  EXPECT_EQ(again.groups_size(), 6) << "four of step 1, two of the evaluation";
  ASSERT_OK(Submit(again));
  EXPECT_EQ(Get("sums").evaluations(0).policy_version(), 1);
}

TEST_F(JobDivergenceTest, ByArrivalTheSlotsAreFilledAnew) {
  cohort::v1::JobSpec spec = SmallRlvrSpec();
  spec.mutable_rlvr()->mutable_rollout()->set_max_lag(1);
  Start(spec);
  ASSERT_OK(Submit(Claim("worker", 4)));
  Train(0, 'b');
  ASSERT_OK(Submit(Claim("worker", 2)));
  GatherAgain();
  ASSERT_OK(GetPlan(place_, 0));
  ASSERT_OK(Commit(place_, 1, 'x'));
  EXPECT_THAT(IdsInState(GroupState::kDropped), ElementsAre(8, 9, 10, 11)) << "those of version 1";
  EXPECT_THAT(IdsInState(GroupState::kScored), ElementsAre(4, 5)) << "those of version 0 stay";
  ASSERT_OK(Publish(place_, 1, 'x'));
  EXPECT_THAT(IdsInState(GroupState::kWaiting), ElementsAre(6, 7, 12, 13, 14, 15));
}

}  // namespace
}  // namespace cohort::coordinator
