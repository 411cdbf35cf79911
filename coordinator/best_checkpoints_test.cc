// SPDX-License-Identifier: Apache-2.0
// Checkpoints that are kept for how well their version was evaluated: a run with the coordinator's record of it.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "coordinator/testing/bench_coordinator.h"
#include "coordinator/testing/job_builder.h"
#include "coordinator/testing/sample_group.h"
#include "gtest/gtest.h"

namespace cohort::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class BestCheckpointsTest : public BenchCoordinator {
 protected:
  void Start(int32_t keep_best) {
    ASSERT_OK(
        common::WriteFileAtomically(folder_.Join("held_out.jsonl"), "{\"question\": \"1\", \"answer\": \"2\"}\n"));
    cohort::v1::JobSpec spec = SmallRlvrSpec();
    AddEvaluation("greedy", 2, 0, &spec);
    spec.mutable_evaluation()->set_every_steps(1);
    spec.mutable_checkpoint()->set_every_steps(1);
    spec.mutable_checkpoint()->set_keep_best(keep_best);
    place_ = StartSums(spec);
    SubmitAll();
  }
  // Everything is right by version 1, half of it by the others.
  void SubmitAll() {
    std::vector<Submission> submissions;
    const cohort::v1::ClaimGroupsResponse claimed = Claim("worker", 100);
    for (const auto& assignment : claimed.groups()) {
      const FakeScore score = assignment.policy_version() == 1 ? AllRight() : FirstSiblingIsRight();
      submissions.push_back({.lease = assignment.lease(), .group = SampleGroup(assignment, score)});
    }
    ASSERT_OK(rollouts_->Submit(submissions));
  }
  // One step; its version has this digest, is evaluated and sealed.
  void Train(int64_t version, char digest) {
    ASSERT_OK_AND_ASSIGN(const auto plan, GetPlan(place_, version));
    ASSERT_TRUE(plan.has_value());
    EXPECT_TRUE(plan->seal_checkpoint());
    ASSERT_OK(Commit(place_, version + 1, digest));
    ASSERT_OK(Publish(place_, version + 1, digest));
    SubmitAll();
    ASSERT_OK(Seal(place_, version + 1, digest));
  }
  std::vector<int64_t> Stored() {
    std::vector<int64_t> versions;
    const cohort::v1::Job job = Get("sums");
    for (const auto& best : job.best_versions()) versions.push_back(best.policy_version());
    return versions;
  }

  cohort::v1::JoinGangResponse place_;
};

TEST_F(BestCheckpointsTest, BestOnesOutliveRestarts) {
  Start(/*keep_best=*/1);
  EXPECT_THAT(Stored(), IsEmpty()) << "version 0 was evaluated, and has no checkpoint";
  Train(0, 'b');
  EXPECT_THAT(Runtime("sums")->BestVersions(), ElementsAre(1));
  Train(1, 'c');
  EXPECT_THAT(Runtime("sums")->BestVersions(), ElementsAre(1));
  EXPECT_EQ(Get("sums").best_versions(0).accuracy(), 1);
  Restart();
  place_ = Join();
  EXPECT_THAT(Runtime("sums")->BestVersions(), ElementsAre(1));
}

TEST_F(BestCheckpointsTest, VersionsWhoseReplayDivergedAreNotAmongThem) {
  Start(/*keep_best=*/2);
  Train(0, 'b');
  Train(1, 'c');
  EXPECT_THAT(Stored(), ElementsAre(1, 2));
  Restart();
  place_ = Join();
  ASSERT_EQ(place_.resume_version(), 2);
  // The rank finds the checkpoint of version 2 damaged and takes the one before.
  ASSERT_OK(GetPlan(place_, 1));
  ASSERT_OK(Commit(place_, 2, 'x'));
  EXPECT_THAT(Stored(), ElementsAre(1));
}

TEST_F(BestCheckpointsTest, JobThatDoesNotAskForThemStoresNone) {
  Start(/*keep_best=*/0);
  Train(0, 'b');
  EXPECT_THAT(Stored(), IsEmpty());
  EXPECT_THAT(Runtime("sums")->BestVersions(), IsEmpty());
}

}  // namespace
}  // namespace cohort::coordinator
